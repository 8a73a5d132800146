import type Docker from "dockerode";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { PORTS } from "../../lib/plan/ports";
import { endpointUrl } from "../../lib/victoria/endpoints";
import { runInside } from "../engine-exec";
import type { NodeLook, ServiceLook } from "./look";

/** Stores that tell how their last run ended: VictoriaMetrics, since 1.151. VictoriaLogs and VictoriaTraces do not tell. */
const TELLING = ["vmstorage", "vmsingle"] as const;
type TellingStore = (typeof TELLING)[number];
/** Among the metrics of a store whose run before this one did not end cleanly. */
export const UNCLEAN = "vm_app_prev_shutdown_unclean 1";

const isTelling = (service: string): service is TellingStore => TELLING.some((one) => one === service);

/** `mirador repair` compares today and yesterday unless it is told otherwise; what is older was dealt with, or never will be. */
const TOLD_HOURS = 48;

/** The stores of a node that did not end cleanly before their present run: killed, out of memory, or a host that crashed. */
export async function uncleanStores(
  plan: Pick<NodePlan, "prefix" | "stores" | "agents" | "otel" | "haproxy">,
  client: Docker,
): Promise<ReadonlySet<string>> {
  const stores = servicesOf(plan).flatMap(({ service }) => (isTelling(service) ? service : []));
  if (stores.length === 0) return new Set();
  const script = stores
    .map((service) => {
      const url = endpointUrl({ service, port: PORTS[service] }, "/metrics");
      return `wget -q -T 3 -O - '${url}' 2>/dev/null | grep '^${UNCLEAN}$' >/dev/null && echo ${service}`;
    })
    .join("\n");
  const text = await runInside(client, `${plan.prefix}-haproxy`, `${script}\nexit 0`, 5);
  return new Set(text.split("\n").filter(isTelling));
}

/**
 * What to know of stores that did not end cleanly, and what to run.
 * @param nodes of the whole fleet
 * @param now milliseconds since 1970
 */
export function uncleanNotes({ node, group, services }: NodeLook, nodes: number, now: number): readonly string[] {
  return services
    .filter((one) => one.uncleanEnd === true && isRecent(one, now))
    .map(({ service, startedAt }) => {
      const what = `${service} of ${node} did not end cleanly before it started at ${startedAt}: it may lack the metrics of its last 10 s`;
      if (nodes === 1)
        return `${what}. Logs and traces lack their last seconds too if the host went down. Why it ended: npm run mirador -- logs ${service} --node ${node}`;
      const rest =
        "mirador repair copies no metrics. If the host went down, logs and traces lack rows too: npm run mirador -- repair --check";
      return service === "vmstorage"
        ? `${what}. Queries merge both groups, so nothing shows while the other group answers. ${rest}`
        : `${what}, which shows while group ${group} answers. ${rest}`;
    });
}

function isRecent({ startedAt }: ServiceLook, now: number): boolean {
  return startedAt !== undefined && now - Date.parse(startedAt) < TOLD_HOURS * 3_600_000;
}
