import { PassThrough } from "node:stream";
import { demultiplex } from "../engine-logs";
import { formatTrouble, type Trouble } from "../failure";
import { engineLost, type ReachedEngine, withinSeconds } from "../up/engines";
import { LineCutter, type LogLine, parseLogLine } from "./log-lines";
import { unlessGone } from "./look";

/** A line and whose it is, such as `node1 gateway`. */
export interface ToldLine extends LogLine {
  readonly source: string;
}

/** Which part of the logs is wanted. */
export interface LogRange {
  /** Seconds since 1970. @default - from the beginning */
  readonly since?: number;
  /** Lines of each container. @default - 100 when `since` is not given either, else all */
  readonly tail?: number;
}

export interface LogsRequest {
  readonly fleet: string;
  /** Names of services and jobs. */
  readonly wanted: readonly string[];
  readonly range: LogRange;
}

/** Everything of forty containers may be a gigabyte. */
const TAIL_LINES = 100;
const OUTPUT = { stdout: true, stderr: true, timestamps: true } as const;
const ANSWER_SECONDS = 10;
const ALL_SECONDS = 120;

interface Source {
  readonly id: string;
  readonly name: string;
}

async function sourcesOn({ client, node }: ReachedEngine, { fleet, wanted }: LogsRequest): Promise<readonly Source[]> {
  const label = [`mirador.fleet=${fleet}`, `mirador.node=${node}`];
  const all = await withinSeconds(client.listContainers({ all: true, filters: { label } }), ANSWER_SECONDS);
  return all.flatMap(({ Id, Labels }) => {
    const name = Labels["mirador.service"] ?? Labels["mirador.job"] ?? "";
    return wanted.includes(name) ? [{ id: Id, name: `${node} ${name}` }] : [];
  });
}

function rangeOf({ since, tail = since === undefined ? TAIL_LINES : undefined }: LogRange): LogRange {
  return { ...(since === undefined ? {} : { since }), ...(tail === undefined ? {} : { tail }) };
}

/** Everything that a node's containers have said until now. */
export async function logsUntilNow(
  engine: ReachedEngine,
  request: LogsRequest,
): Promise<{ readonly lines: readonly ToldLine[]; readonly trouble?: Trouble }> {
  const { client } = engine;
  const read = async ({ id, name }: Source): Promise<readonly ToldLine[]> => {
    const query = { ...OUTPUT, ...rangeOf(request.range), follow: false } as const;
    const log = await client.getContainer(id).logs(query).catch(unlessGone);
    return log === undefined ? [] : linesOf(demultiplex(log), name);
  };
  try {
    const sources = await sourcesOn(engine, request);
    return { lines: (await withinSeconds(Promise.all(sources.map(read)), ALL_SECONDS)).flat() };
  } catch (error) {
    return { lines: [], trouble: engineLost(engine, error) };
  }
}

/** Where a container's output goes on when its stream has ended. */
interface Place {
  /** Seconds since 1970, by the host's clock. */
  since: number;
  /** When the newest line that was told was printed. */
  after: string;
}

/** A node whose containers are listened to: also those that are replaced or started again, and an engine that comes back. */
export class FollowedNode {
  private engine: ReachedEngine | undefined;
  private readonly places = new Map<string, Place>();
  private readonly open = new Map<string, { destroy(): unknown }>();
  private complete = false;
  private busy = false;
  private told = "";

  /**
   * @param reach asks for the engine
   * @param add takes each line as it comes
   */
  constructor(
    private readonly reach: () => Promise<ReachedEngine | Trouble>,
    private readonly request: LogsRequest,
    private readonly add: (line: ToldLine) => void,
  ) {}

  /** Listens to what it does not listen to yet. Does nothing while an earlier look is under way, so nobody waits for a slow node. */
  public async look(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      const engine = this.engine ?? (await this.reach());
      if ("code" in engine) return this.tell(engine);
      this.engine = engine;
      await this.listenToAll(engine).catch((error) => this.lose(engineLost(engine, error)));
    } finally {
      this.busy = false;
    }
  }

  private async listenToAll(engine: ReachedEngine): Promise<void> {
    for (const source of await sourcesOn(engine, this.request)) {
      // One that has ended is asked as well: it may have been started, have said why it ends, and have ended between two looks.
      if (!this.open.has(source.id)) await withinSeconds(this.listen(engine, source), ANSWER_SECONDS);
    }
    this.complete = true;
    this.told = "";
  }

  private async listen({ client, aheadSeconds }: ReachedEngine, { id, name }: Source): Promise<void> {
    const known = this.places.get(id);
    const place = known ?? { since: Math.floor(Date.now() / 1000 + aheadSeconds) - 1, after: "" };
    // A container that was not there before is told from its beginning.
    const range = known !== undefined ? { since: known.since } : this.complete ? {} : rangeOf(this.request.range);
    const stream = await client
      .getContainer(id)
      .logs({ ...OUTPUT, ...range, follow: true })
      .catch(unlessGone);
    if (stream === undefined) return;
    this.places.set(id, place);
    this.open.set(id, stream as unknown as { destroy(): unknown });
    const before = place.after;
    const output = (): PassThrough => {
      const out = new PassThrough({ encoding: "utf8" });
      const cutter = new LineCutter();
      out.on("data", (piece: string) => {
        for (const line of linesOf(`${cutter.cut(piece).join("\n")}\n`, name)) {
          if (line.time <= before) continue;
          if (line.time > place.after) place.after = line.time;
          place.since = Math.floor(Date.parse(place.after) / 1000);
          this.add(line);
        }
      });
      return out;
    };
    const ended = (): void => void this.open.delete(id);
    stream.on("end", ended).on("error", ended).on("close", ended);
    client.modem.demuxStream(stream, output(), output());
  }

  /** Streams of an engine that is gone may stay open for minutes without a word. */
  private lose(trouble: Trouble): void {
    this.engine = undefined;
    for (const stream of this.open.values()) stream.destroy();
    this.open.clear();
    this.tell(trouble);
  }

  private tell(trouble: Trouble): void {
    const text = formatTrouble(trouble);
    if (text !== this.told) console.error(text);
    this.told = text;
  }
}

function linesOf(text: string, source: string): readonly ToldLine[] {
  return text.split("\n").flatMap((line) => {
    const parsed = parseLogLine(line);
    return parsed === undefined ? [] : [{ ...parsed, source }];
  });
}
