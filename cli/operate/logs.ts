import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { chosen } from "../chosen";
import { demultiplex } from "../engine-logs";
import { CliError, EXIT, formatTrouble, type Trouble } from "../failure";
import type { Session } from "../session";
import { engineLost, type ReachedEngine } from "../up/engines";
import { byTime, LineCutter, LineMerger, type LogLine, parseLogLine } from "./log-lines";
import { plannedNodes, reachNodes } from "./nodes";

export interface LogsOptions {
  /** Names of services and jobs. @default - all services */
  readonly services: readonly string[];
  /** @default - all */
  readonly nodes: readonly string[];
  /** Seconds since 1970. @default - from the beginning */
  readonly since?: number;
  /** Lines of each container. @default - 100 when `since` is not given either, else all */
  readonly tail?: number;
  /** Goes on with what comes. */
  readonly follow: boolean;
  /** Writes when Docker got each line before it. */
  readonly timestamps: boolean;
}

interface ToldLine extends LogLine {
  readonly source: string;
}

/** Jobs of a node; their last words are kept until the next deploy. */
const JOBS = ["prepare", "haproxy-configure", "ready"] as const;
/** Everything of forty containers may be a gigabyte. */
const TAIL_LINES = 100;
const HOLD_MILLISECONDS = 400;
const LOOK_MILLISECONDS = 1_000;
const PRINT_MILLISECONDS = 200;

/**
 * `mirador logs`: what containers of all nodes print, in the order of time.
 * @returns the exit status: 1 when an engine does not answer
 */
export async function logs(session: Session, options: LogsOptions): Promise<number> {
  const { fleet, plans } = await plannedNodes(session, options.nodes);
  const wanted = wantedSources(plans, options.services);
  // A container that is replaced has two for a moment.
  const nodes = await reachNodes(fleet, plans, session, options.follow ? 2 * wanted.length : 0);
  const troubles = nodes.flatMap(({ engine }) => ("code" in engine ? engine : []));
  const reached = nodes.flatMap(({ engine }) => ("code" in engine ? [] : engine));
  if (reached.length === 0) throw new CliError(troubles);
  const width = Math.max(
    ...plans.map(({ name }) => name.length + 1 + Math.max(...wanted.map((service) => service.length))),
  );
  const print = (lines: readonly ToldLine[]): void => {
    const texts = lines.map(
      ({ source, time, text }) => `${source.padEnd(width)} | ${options.timestamps ? `${time} ` : ""}${text}\n`,
    );
    if (texts.length > 0) process.stdout.write(texts.join(""));
  };
  for (const trouble of troubles) console.error(formatTrouble(trouble));
  const sources = reached.map((engine) => new NodeLogs(fleet.name, engine, wanted, options));
  if (options.follow) await follow(sources, print);
  const found = await Promise.all(sources.map((source) => source.soFar()));
  print(found.flatMap(({ lines }) => lines).toSorted(byTime));
  const failed = found.flatMap(({ trouble }) => trouble ?? []);
  for (const trouble of failed) console.error(formatTrouble(trouble));
  return troubles.length + failed.length > 0 ? EXIT.failed : EXIT.ok;
}

/** @throws CliError `fleet/unknown-service` */
export function wantedSources(plans: readonly NodePlan[], named: readonly string[]): readonly string[] {
  const services = [...new Set(plans.flatMap((plan) => servicesOf(plan).map(({ service }) => service)))];
  if (named.length === 0) return services;
  const all = [...services, ...JOBS].map((name) => ({ name }));
  return chosen(all, named, { code: "fleet/unknown-service", what: "service" }).map(({ name }) => name);
}

/** Until Ctrl-C, which is no failure of anything and has nothing to complete. */
async function follow(sources: readonly NodeLogs[], print: (lines: readonly ToldLine[]) => void): Promise<never> {
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.removeAllListeners(name).on(name, () => process.exit(EXIT.interrupted));
  const merger = new LineMerger<ToldLine>(HOLD_MILLISECONDS);
  const add = (line: ToldLine): void => merger.add(line, performance.now());
  for (let next = 0; ; ) {
    if (performance.now() >= next) {
      await Promise.all(sources.map((source) => source.attach(add)));
      next = performance.now() + LOOK_MILLISECONDS;
    }
    await sleep(PRINT_MILLISECONDS);
    print(merger.due(performance.now()));
  }
}

interface Source {
  readonly id: string;
  /** Such as `node1 gateway`. */
  readonly name: string;
  readonly running: boolean;
}

/** Containers of one node whose output is wanted. */
class NodeLogs {
  private readonly open = new Set<string>();
  /** By container: when its newest line was printed. */
  private readonly last = new Map<string, string>();
  private silent = "";

  constructor(
    private readonly fleet: string,
    private readonly engine: ReachedEngine,
    private readonly wanted: readonly string[],
    private readonly options: LogsOptions,
  ) {}

  /** Everything until now. */
  public async soFar(): Promise<{ readonly lines: readonly ToldLine[]; readonly trouble?: Trouble }> {
    const { client } = this.engine;
    try {
      const texts = await Promise.all(
        (await this.containers()).map(async ({ id, name }) => {
          const log = await client.getContainer(id).logs({ ...OUTPUT, ...this.range(), follow: false });
          return linesOf(demultiplex(log), name);
        }),
      );
      return { lines: texts.flat() };
    } catch (error) {
      return { lines: [], trouble: engineLost(this.engine, error) };
    }
  }

  /**
   * Attaches to what is new since the last look: a container that was replaced, one that was started again, an engine
   * that is back. Told once while an engine is away.
   */
  public async attach(add: (line: ToldLine) => void): Promise<void> {
    try {
      const began = this.last.size > 0;
      for (const source of await this.containers()) {
        const { id, running } = source;
        // What a container said that has ended was told when it ended.
        if (this.open.has(id) || (this.last.has(id) && !running)) continue;
        await this.listen(source, began, add);
      }
      this.silent = "";
    } catch (error) {
      const text = formatTrouble(engineLost(this.engine, error));
      if (text !== this.silent) console.error(text);
      this.silent = text;
    }
  }

  private async listen({ id, name }: Source, began: boolean, add: (line: ToldLine) => void): Promise<void> {
    const last = this.last.get(id);
    const since = last === undefined ? {} : { since: Math.floor(Date.parse(last) / 1000) };
    const range = last === undefined && !began ? this.range() : since;
    const { client } = this.engine;
    const stream = await client.getContainer(id).logs({ ...OUTPUT, ...range, follow: true });
    this.open.add(id);
    if (last === undefined) this.last.set(id, "");
    const out = new PassThrough({ encoding: "utf8" });
    const cutter = new LineCutter();
    out.on("data", (piece: string) => {
      for (const line of linesOf(`${cutter.cut(piece).join("\n")}\n`, name)) {
        if (line.time <= (this.last.get(id) ?? "")) continue;
        this.last.set(id, line.time);
        add(line);
      }
    });
    const ended = (): void => void this.open.delete(id);
    stream.on("end", ended).on("error", ended).on("close", ended);
    client.modem.demuxStream(stream, out, out);
  }

  private range(): { readonly since?: number; readonly tail?: number } {
    const { since, tail = since === undefined ? TAIL_LINES : undefined } = this.options;
    return { ...(since === undefined ? {} : { since }), ...(tail === undefined ? {} : { tail }) };
  }

  private async containers(): Promise<readonly Source[]> {
    const { client, node } = this.engine;
    const label = [`mirador.fleet=${this.fleet}`, `mirador.node=${node}`];
    const all = await client.listContainers({ all: true, filters: { label } });
    return all.flatMap(({ Id, Labels, State }) => {
      const name = Labels["mirador.service"] ?? Labels["mirador.job"] ?? "";
      return this.wanted.includes(name) ? [{ id: Id, name: `${node} ${name}`, running: State === "running" }] : [];
    });
  }
}

const OUTPUT = { stdout: true, stderr: true, timestamps: true } as const;

function linesOf(text: string, source: string): readonly ToldLine[] {
  return text.split("\n").flatMap((line) => {
    const parsed = parseLogLine(line);
    return parsed === undefined ? [] : [{ ...parsed, source }];
  });
}
