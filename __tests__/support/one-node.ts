import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { FleetDefinition } from "../../lib";
import { nodePlan } from "./fleets";
import { startHaproxy, textsOf } from "./haproxy";

/** A real HAProxy, and one server in place of everything behind it. */
export interface LoneNode {
  /** While it is false, what is checked by a query is down, and everything else is up. */
  readonly stores: { answers: boolean };
  /** Where a port inside HAProxy's container is on this machine. */
  readonly at: (internalPort: number) => string;
}

export async function startNode(definition: FleetDefinition = {}): Promise<LoneNode> {
  const stores = { answers: true };
  const behind = createServer(({ url = "" }, response) => {
    response.end(url.includes("query") && !stores.answers ? "{}" : '{"status":"success"}');
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    behind.closeAllConnections();
    behind.close();
  });
  await once(behind, "listening");
  const { port } = behind.address() as AddressInfo;
  return { stores, at: await startHaproxy(textsOf(nodePlan(definition).haproxy), port) };
}
