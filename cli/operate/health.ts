import type { NodePlan } from "../../lib/plan/node-plan";
import { type AccessRow, columns, type Fetch, offered, probeAccess } from "../access-table";
import { EXIT } from "../failure";
import type { Session } from "../session";
import { nodesToLookAt } from "./nodes";

const ANSWER_MILLISECONDS = 5_000;

/** What a client of a node gets. */
export interface NodeHealth {
  readonly node: string;
  readonly rows: readonly Pick<AccessRow, "what" | "url" | "state">[];
}

/** What {@link health} asks. */
export interface HealthOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/** `mirador health`. @returns the exit status: 1 when anything is not up */
export async function health(session: Session, { nodes, json }: HealthOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, nodes);
  const found = await Promise.all(plans.map((plan) => healthOf(plan)));
  const up = found.every(({ rows }) => rows.every(({ state }) => state === "up"));
  const text = json ? JSON.stringify({ fleet: fleet.name, up, nodes: found }, null, 2) : healthText(found).join("\n");
  process.stdout.write(`${text}\n`);
  return up ? EXIT.ok : EXIT.failed;
}

/** Asks as a client does: by the network, through every access point, something that only works when all behind it does. */
export async function healthOf(plan: NodePlan, request: Fetch = fetch): Promise<NodeHealth> {
  const stats = plan.accessPoints.find(({ name }) => name === "stats");
  const url = new URL("/readyz", stats?.url).href;
  const [points, ready] = await Promise.all([probeAccess(plan, request), readiness(url, request)]);
  const rows = points.map((point) => {
    const [what, at] = offered(point);
    return { what, url: at, state: point.state };
  });
  return { node: plan.name, rows: [{ what: "every service", url, state: ready }, ...rows] };
}

async function readiness(url: string, request: Fetch): Promise<string> {
  try {
    const response = await request(url, { signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
    return response.ok ? "up" : (await response.text()).trim();
  } catch (error) {
    const { name, cause, message } = error as Error & { cause?: { code?: string } };
    return name === "TimeoutError" ? `no answer in ${ANSWER_MILLISECONDS / 1000} s` : (cause?.code ?? message);
  }
}

/** A table of all that was asked, and a line that sums it up. */
export function healthText(nodes: readonly NodeHealth[]): readonly string[] {
  const rows = nodes.flatMap(({ node, rows: all }) => all.map(({ what, url, state }) => [node, what, url, state]));
  const wrong = rows.filter((row) => row.at(-1) !== "up").length;
  return [
    ...columns([["node", "what", "url", "state"], ...rows]),
    "",
    wrong === 0 ? "all up" : `${wrong} of ${rows.length} not up`,
  ];
}
