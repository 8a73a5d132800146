import type { IncomingMessage } from "node:http";
import type { Signal } from "../../lib/fleet/definition";
import type { MeshService } from "../../lib/mesh/services";
import type { Group } from "../../lib/plan/groups";
import { CliError, type Trouble } from "../failure";
import type { MeshClient, MeshNode } from "../mesh-client";
import { type Digest, type Digests, digestQuery, parseDigest, timeFilter } from "./digest";
import { INSERT_PATH } from "./encode";
import type { Range } from "./range";
import { parseRow, type Row } from "./row";
import { groupUnanswered, storeRefuses } from "./trouble";

/** Signals of which one group answers alone, so that a hole of it shows. */
export type RepairedSignal = Exclude<Signal, "metrics">;

/** How the nodes are spoken to. */
export type Transport = Pick<MeshClient, "open" | "text">;

/** Who answers for a group's rows of one signal, and who takes them. */
export interface GroupStores {
  readonly signal: RepairedSignal;
  readonly group: Group;
  readonly reader: { readonly node: MeshNode; readonly service: MeshService };
  /** Every node that holds a part. */
  readonly storages: readonly MeshNode[];
  readonly storage: MeshService;
}

/** More than a store gives a query, so that its own words are seen and not this one's. */
const QUERY_MILLISECONDS = 60_000;

/** The rows of one signal in one group. */
export class StoredRows {
  /** Rows of the day that is being repaired, by the node that holds them. */
  private shares = new Map<MeshNode, number>();

  constructor(
    private readonly transport: Transport,
    public readonly stores: GroupStores,
  ) {}

  public async digests(range: Range, step: string): Promise<Digests> {
    const digests = new Map<bigint, Digest>();
    for await (const line of this.query(digestQuery(this.stores.signal, range, step))) {
      const [from, digest] = parseDigest(line);
      digests.set(from, digest);
    }
    return digests;
  }

  /** All rows of a range, in no order. Read as fast as they are taken. */
  public async *rows(range: Range): AsyncGenerator<Row> {
    for await (const line of this.query(timeFilter(range))) yield parseRow(line);
  }

  /**
   * Hands encoded rows to the storage that holds the fewest of the day: the group's select roles look at all of them, and
   * a node whose disk was lost is filled up first.
   * @throws CliError `repair/store-refuses`
   */
  public async insert(day: Range, encoded: readonly Buffer[]): Promise<void> {
    const node = await this.emptiest(day);
    const trouble = await insertInto(this.transport, this.stores, node, Buffer.concat(encoded));
    if (trouble !== undefined) throw new CliError(trouble);
    this.shares.set(node, (this.shares.get(node) ?? 0) + encoded.length);
  }

  /** What was inserted is seen by queries from now on, and not at the next flush; a store that cannot is waited for. */
  public async flush(): Promise<void> {
    const asked = { method: "POST", path: "/internal/force_flush" } as const;
    await Promise.allSettled(this.stores.storages.map((node) => this.transport.text(node, this.stores.storage, asked)));
  }

  /** The shares are counted anew: another day begins. */
  public forgetShares(): void {
    this.shares = new Map();
  }

  private async emptiest(day: Range): Promise<MeshNode> {
    const { storages, storage } = this.stores;
    if (storages.length > 1 && this.shares.size === 0) {
      const count = queryPath(`${timeFilter(day)} | stats count() rows`);
      for (const node of storages) {
        const answer = await this.transport.text(node, storage, { path: count, timeout: QUERY_MILLISECONDS });
        this.shares.set(node, Number((JSON.parse(answer) as { rows?: string }).rows));
      }
    }
    const [first, ...others] = storages;
    if (first === undefined) throw new Error(`group ${this.stores.group} has no node`);
    const share = (node: MeshNode): number => this.shares.get(node) ?? 0;
    return others.reduce((least, node) => (share(node) < share(least) ? node : least), first);
  }

  /** @throws CliError `repair/group-unanswered`; a body that breaks off, or holds an error, is no answer either */
  private async *query(query: string): AsyncGenerator<string> {
    const { signal, group, reader } = this.stores;
    const { node, service } = reader;
    try {
      const answer = await this.transport.open(node, service, { path: queryPath(query), timeout: QUERY_MILLISECONDS });
      if (answer.statusCode === 200) return yield* linesOf(answer);
      let text = "";
      for await (const line of linesOf(answer)) text += line;
      throw new Error(`${service} of ${node.name} answers ${answer.statusCode}: ${text}`);
    } catch (error) {
      throw new CliError(groupUnanswered(signal, group, (error as Error).message));
    }
  }
}

/**
 * Hands encoded rows to one storage; none at all only asks whether it speaks the protocol and has room.
 * @returns why it takes none
 */
export async function insertInto(
  transport: Transport,
  { signal, group, storage }: Pick<GroupStores, "signal" | "group" | "storage">,
  node: MeshNode,
  body: Buffer,
): Promise<Trouble | undefined> {
  const headers = { "content-type": "application/octet-stream" };
  try {
    await transport.text(node, storage, { method: "POST", path: INSERT_PATH, headers, body });
    return undefined;
  } catch (error) {
    return storeRefuses(signal, group, (error as Error).message);
  }
}

export const queryPath = (query: string): string => `/select/logsql/query?query=${encodeURIComponent(query)}`;

/** Lines of a body, one byte per character. @throws Error when the body breaks off */
export async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  answer.setEncoding("latin1");
  let rest = "";
  for await (const chunk of answer) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
