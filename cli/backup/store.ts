import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import type { NodePlan } from "../../lib/plan/node-plan";
import { PORTS } from "../../lib/plan/ports";
import type { DataVolume, ServicePlan } from "../../lib/plan/service-plan";
import { endpointUrl } from "../../lib/victoria/endpoints";
import { runInside } from "../engine-exec";
import { CliError, Interrupted } from "../failure";
import { engineLost } from "../up/engines";
import type { SeenNode } from "../up/roll-out";

/** A storage and its data on one host. */
export interface StoreOnHost {
  readonly signal: Signal;
  readonly node: SeenNode;
  readonly data: DataVolume;
  /** Of the storage. */
  readonly service: ServicePlan;
  /** Where the storage has its data, and a room too. */
  readonly path: string;
}

/** The storages of a node, in the order of the signals. */
export function storesOn(node: SeenNode): readonly StoreOnHost[] {
  return SIGNALS.flatMap((signal) => {
    const { data, services } = node.plan.stores[signal];
    const service = services.find(({ volumes }) => volumes.some(({ source }) => source === data?.source));
    const path = service?.volumes.find(({ source }) => source === data?.source)?.path;
    return data === undefined || service === undefined || path === undefined
      ? []
      : [{ signal, node, data, service, path }];
  });
}

/**
 * Works on a store's host. What its engine says when it fails names no node; the place of a backup tells its own troubles.
 * @throws CliError
 */
export async function atStore<T>({ node }: Pick<StoreOnHost, "node">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const told = error instanceof CliError || error instanceof Interrupted || (error as Error).name === "AbortError";
    throw told ? error : new CliError(engineLost(node.engine, error));
  }
}

export const containerOf = ({ node, service }: StoreOnHost) =>
  node.engine.client.getContainer(`${node.plan.prefix}-${service.service}`);

/** As a person names it. */
export const nameOf = ({ signal, node }: Pick<StoreOnHost, "signal" | "node">): string =>
  `${signal} of ${node.plan.name}`;

export const versionOf = ({ node, service }: StoreOnHost): string => node.plan.images[service.image].version;

/** Samples, logs or spans in the parts of a store, as the store counts them. @param metrics of its process */
export function rowsIn(metrics: string): number {
  const found = metrics.matchAll(/^v[mlt]_(?:storage_)?rows\{type="storage[^}]*\} (\S+)/gm);
  return [...found].reduce((all, [, value]) => all + Number(value), 0);
}

/** What a store counts now. @throws Error when it does not answer */
export async function countRows(store: StoreOnHost): Promise<number> {
  return rowsIn(await askStore(store, "/metrics", "-q"));
}

/** Asked from HAProxy's container, which is in the node's network and can ask. @param options of wget */
export async function askStore(store: StoreOnHost, path: string, options: string): Promise<string> {
  const { plan, engine } = store.node;
  return askFrom(plan, engine.client, storeUrl(store, path), options);
}

/** @throws Error with the last that was said, when the answer is none */
export function askFrom(
  { prefix }: Pick<NodePlan, "prefix">,
  client: SeenNode["engine"]["client"],
  url: string,
  options: string,
): Promise<string> {
  return runInside(client, `${prefix}-haproxy`, `wget ${options} -T 55 -O - '${url}' 2>&1`, 60);
}

const storeUrl = ({ service: { service } }: StoreOnHost, path: string): string =>
  endpointUrl({ service, port: PORTS[service as keyof typeof PORTS] }, path);
