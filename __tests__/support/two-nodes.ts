import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ensurePki, readMeshFiles } from "../../inputs/pki";
import { defineFleet, type NodePlan, planFleet } from "../../lib";
import { program } from "./binaries";
import { temporaryFolder } from "./folders";
import { type Running, start, untilAnswers } from "./processes";

/** Every node has a loopback address of its own, so that all use the ports that they have in a container; so has every process. */
const NETWORK = `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 250}`;
const ADDRESSES = [`${NETWORK}.1`, `${NETWORK}.2`] as const;
/** What the services of a node would be; HAProxy reaches all of them at one port. */
const SERVICES_PORT = 7999;
const FOLDER = "/usr/local/etc/haproxy";

/** What the services of a node would say; a test changes it. */
export interface Stores {
  answers: boolean;
  uptimeSeconds: number;
  /** Bytes in the gateway's queues, by exporter. */
  waiting: Readonly<Record<string, number>>;
  /** Bytes in vlagent's queues, one for each group. */
  pending: readonly number[];
  /** Queries are taken and never answered. */
  hangs: boolean;
  /** What a query is told with status 400. @default - it is answered */
  refusal?: string;
}

/** One node: a real HAProxy, and one server in place of everything behind it. */
export interface Node {
  readonly address: string;
  readonly stores: Stores;
  readonly restart: () => Promise<void>;
  /** Its disk is gone, and with it what it had chosen. */
  readonly forget: () => void;
  /** Tells the node that another one is about to leave, and that it stays after all. */
  readonly leave: (node: string) => Promise<string>;
  readonly back: (node: string) => Promise<string>;
  /** Everything behind HAProxy is gone. */
  readonly stopServices: () => Promise<void>;
  readonly at: (port: number, path: string) => Promise<{ status: number; body: string }>;
}

export const QUERY = "/select/logsql/query?query=*";
/** What each group's store answers to a query. */
export const FROM_A = '{"status":"success","by":"node1"}';
export const FROM_B = '{"status":"success","by":"node2"}';
export const logsOf = async (node: Node): Promise<string> => (await node.at(9471, QUERY)).body;
export const choiceOf = async (node: Node): Promise<string> => (await node.at(8405, "/healthz")).body;
/** What a node tells the others of itself. */
export const stateOf = async (node: Node): Promise<string> => (await node.at(8405, "/state")).body;
/** For what checks and timers of HAProxy must notice. */
export const SLOW = { timeout: 20_000, interval: 100 };

/** @param born when each node's data began, in seconds since 1970 */
export async function twoNodes(
  born: readonly [number, number] = [1_700_000_000, 1_700_000_010],
): Promise<{ nodes: readonly [Node, Node]; pki: string }> {
  const folder = temporaryFolder();
  const fleet = defineFleet({
    name: "pair",
    nodes: ADDRESSES.map((address, index) => ({ name: `node${index + 1}`, address })),
  });
  await ensurePki(folder, fleet, new Date());
  const mesh = readMeshFiles(folder, fleet, new Date());
  const plans = planFleet(fleet, { statsPassword: "correct-horse-battery", mesh }).nodes;
  const [one, two] = await Promise.all(plans.map((plan, index) => startNode(folder, plan, born[index] ?? 0)));
  if (one === undefined || two === undefined) throw new Error("two nodes are wanted");
  return { nodes: [one, two], pki: join(folder, ".mirador/pki/pair") };
}

async function startNode(parent: string, { name, address, haproxy }: NodePlan, born: number): Promise<Node> {
  const folder = join(parent, name);
  mkdirSync(folder);
  for (const signal of ["logs", "traces"]) writeFileSync(join(folder, `${signal}.born`), `${born}\n`);
  const local = (text: string): string =>
    text
      .replaceAll(FOLDER, folder)
      .replaceAll("/run/haproxy", folder)
      .replaceAll("/var/lib/haproxy", folder)
      .replaceAll(/bind :(\d+)/g, `bind ${address}:$1`)
      .replaceAll("127.0.0.1:8405", `${address}:8405`)
      .replaceAll("127.0.0.1:8406", `${address}:8406`)
      .replaceAll("abns@", `abns@${address}-`)
      .replaceAll(/http:\/\/[a-z]+:\d+\/metrics/g, `http://${address}:${SERVICES_PORT}/metrics`)
      .replaceAll(/(server \S+) \S+ (.*)resolvers docker init-addr none/g, `$1 ${address}:${SERVICES_PORT} $2`)
      .replaceAll(/check port \d+/g, "check");
  for (const file of haproxy.files)
    writeFileSync(join(folder, file.path), "text" in file ? local(file.text) : readFileSync(file.sourcePath));

  const stores: Stores = { answers: true, uptimeSeconds: 1000, waiting: {}, pending: [], hangs: false };
  const behind = createServer(({ url = "" }, response) => {
    if (url === "/metrics") response.end(metricsOf(stores));
    // As the gateway does; HAProxy's check of it is this answer.
    else if (url === "/v1/traces") response.writeHead(405).end();
    else if (url.includes("query") && stores.hangs) return;
    else if (url.includes("query") && stores.refusal !== undefined) response.writeHead(400).end(stores.refusal);
    else if (url.includes("query")) response.end(stores.answers ? `{"status":"success","by":"${name}"}` : "{}");
    else response.end(name);
  }).listen(SERVICES_PORT, address);
  onTestFinished(() => {
    behind.closeAllConnections();
    behind.close();
  });
  let running: Running;
  const run = async (): Promise<void> => {
    running = start(program("haproxy"), "-db", "-f", join(folder, "haproxy.cfg"));
    await untilAnswers(`http://${address}:8405/healthz`, running);
  };
  const leave = async (node: string, seconds: number): Promise<string> => {
    const asked = { method: "POST", headers: { connection: "close" } };
    return (await fetch(`http://${address}:8405/leave?node=${node}&seconds=${seconds}`, asked)).text();
  };
  await run();
  return {
    address,
    stores,
    restart: async () => {
      running.process.kill("SIGKILL");
      await expect.poll(() => running.process.signalCode).toBe("SIGKILL");
      await run();
    },
    forget: () => {
      for (const signal of ["logs", "traces"]) rmSync(join(folder, `${signal}.group`));
    },
    leave: (node) => leave(node, 60),
    back: (node) => leave(node, 0),
    stopServices: async () => {
      behind.closeAllConnections();
      await new Promise((resolve) => behind.close(resolve));
    },
    at: async (port, path) => {
      const response = await fetch(`http://${address}:${port}${path}`, { headers: { connection: "close" } });
      return { status: response.status, body: await response.text() };
    },
  };
}

/** Of the store, the gateway and the agents, which are one here. */
function metricsOf({ uptimeSeconds, waiting, pending }: Stores): string {
  const queues = Object.entries(waiting).map(
    ([exporter, bytes]) =>
      `otelcol_exporter_queue_size{data_type="logs",exporter="${exporter}",otel_scope_name="x"} ${bytes}`,
  );
  const agent = pending.map(
    (bytes, index) => `vlagent_remotewrite_pending_data_bytes{path="/x",url="${index + 1}:secret-url"} ${bytes}`,
  );
  return ["x 1", `vm_app_uptime_seconds ${uptimeSeconds}`, ...queues, ...agent, "y 2", ""].join("\n");
}
