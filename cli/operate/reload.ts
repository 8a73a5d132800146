import { setTimeout as sleep } from "node:timers/promises";
import { HAPROXY_CONFIG } from "../../lib/haproxy/render";
import { PORTS } from "../../lib/plan/ports";
import { runInside } from "../engine-exec";
import { lastLogLines } from "../engine-logs";
import { CliError, EXIT } from "../failure";
import type { Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { underName } from "../up/under-name";
import { enginesSaid, nodesToLookAt, seeNodes } from "./nodes";

const CHECK_SECONDS = 20;
const RELOAD_SECONDS = 30;
const ASK_SECONDS = 5;

/**
 * `mirador reload`: makes HAProxy read its files again, without a dropped request. Its own check comes first.
 * @returns the exit status
 * @throws CliError `reload/refused`, `reload/not-taken`; the workers that run go on
 */
export async function reload(session: Session, named: readonly string[]): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, named);
  const { progress } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  for (const node of nodes) {
    const told = fleet.nodes.length === 1 ? progress : underName(progress, node.plan.name);
    await told.step(
      "reload",
      "HAProxy checks its files",
      (step) => reloadNode(node, step.waiting),
      () => "HAProxy has read its files again",
    );
  }
  return EXIT.ok;
}

async function reloadNode({ plan, engine }: SeenNode, waiting: (text: string) => void): Promise<void> {
  const { client } = engine;
  const container = `${plan.prefix}-haproxy`;
  const fix = `what the fleet wants is made by: npm run mirador -- up ${plan.name}`;
  const before = await startOfWorker(client, container).catch((error: Error) => {
    throw new CliError({
      code: "reload/refused",
      what: `HAProxy of ${plan.name} does not answer: ${error.message}`,
      where: container,
      fix,
    });
  });
  await runInside(client, container, `haproxy -c -q -f ${HAPROXY_CONFIG} 2>&1`, CHECK_SECONDS).catch((error: Error) => {
    throw new CliError({
      code: "reload/refused",
      what: `HAProxy of ${plan.name} refuses its own files, and goes on with what it has: ${error.message}`,
      where: container,
      fix,
    });
  });
  waiting("the new workers start");
  await runInside(client, container, "kill -USR2 1", ASK_SECONDS);
  for (const end = performance.now() + RELOAD_SECONDS * 1000; ; await sleep(250)) {
    const now = await startOfWorker(client, container).catch(() => before);
    if (now !== before) return;
    if (performance.now() < end) continue;
    throw new CliError({
      code: "reload/not-taken",
      what: `HAProxy of ${plan.name} was told to read its files again, and has not within ${RELOAD_SECONDS} s`,
      where: container,
      tail: await lastLogLines(client, container),
      fix,
    });
  }
}

/** Every worker has its own. @returns seconds since 1970, as HAProxy writes them */
async function startOfWorker(client: SeenNode["engine"]["client"], container: string): Promise<string> {
  const url = `http://127.0.0.1:${PORTS.haproxyInternal}/metrics?scope=global`;
  const text = await runInside(
    client,
    container,
    `wget -q -T 3 -O - '${url}' | grep '^haproxy_process_start_time_seconds '`,
    ASK_SECONDS,
  );
  return text.trim();
}
