import { type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { MeshNode, MeshRequest } from "../../cli/mesh-client";
import { Progress } from "../../cli/progress";
import type { RepairedSignal, Transport } from "../../cli/repair/group";
import { type DayReport, exitOf } from "../../cli/repair/report";
import { repair } from "../../cli/repair/run";
import { defineFleet, type Fleet, type Layout } from "../../lib";
import type { MeshService } from "../../lib/mesh/services";
import { program, testWith } from "../support/binaries";
import { temporaryFolder } from "../support/folders";
import { otlpSpans } from "../support/otlp-spans";
import { freePort, type Running, start, untilAnswers } from "../support/processes";

const DAY_MILLISECONDS = 86_400_000;
/** Yesterday at noon, in milliseconds since 1970. */
const NOON = Math.floor(Date.now() / DAY_MILLISECONDS) * DAY_MILLISECONDS - DAY_MILLISECONDS / 2;
const DAY = new Date(NOON).toISOString().slice(0, 10);

/** A row that can be counted. Texts are one byte per character. */
interface Numbered {
  readonly seq: number;
  /** Behind {@link NOON}, in nanoseconds. */
  readonly at: number;
  readonly service: string;
}

const timeOf = ({ at }: Numbered): string =>
  `${new Date(NOON + Math.floor(at / 1e6)).toISOString().slice(0, 19)}.${String(at % 1e9).padStart(9, "0")}Z`;

/** What the two signals differ in. */
const SIGNALS = {
  logs: {
    program: "victoria-logs",
    storage: "vlstorage",
    select: "vlselect",
    number: "seq",
    path: "/insert/jsonline?_stream_fields=service.name,od%20d%22n&_time_field=_time&_msg_field=_msg",
    type: "application/stream+json",
    body: (rows: readonly Numbered[]): Buffer => Buffer.from(rows.map(logLine).join("\n"), "latin1"),
  },
  traces: {
    program: "victoria-traces",
    storage: "vtstorage",
    select: "vtselect",
    number: "span_attr:seq",
    path: "/insert/opentelemetry/v1/traces",
    type: "application/x-protobuf",
    body: (rows: readonly Numbered[]): Buffer =>
      otlpSpans(
        rows.map(({ seq, at, service }) => ({
          ...{ service, id: seq + 1, name: seq % 3 === 0 ? 'GET "/"' : "query", attributes: { seq: String(seq) } },
          end: BigInt(NOON) * 1_000_000n + BigInt(at),
        })),
      ),
  },
} as const;

/** Some have a message that is no valid UTF-8, or a stream's name with a quote. VictoriaLogs takes no `=` and no `}` there. */
function logLine(row: Numbered): string {
  const { seq, service } = row;
  const odd = seq % 100 === 7 ? { 'od d"n': 'x="\\\n' } : {};
  const message = `row ${seq}${seq % 50 === 3 ? " \xff\xfe \xe2\x80\xa8 \xc3\xa4 <b> \u0001" : ""}`;
  return JSON.stringify({ _time: timeOf(row), _msg: message, seq: String(seq), "service.name": service, ...odd });
}

/** One fleet: real stores behind a plain transport, in place of the mesh. */
interface Stores {
  readonly fleet: Fleet;
  readonly transport: Transport;
  readonly insert: (node: string, rows: readonly Numbered[]) => Promise<void>;
  /** Rows of a storage, or of a whole group through its select role, each as a text that shows all of it. */
  readonly read: (service: "storage" | "group", node: string) => Promise<readonly string[]>;
  /** Its disk is lost. */
  readonly empty: (node: string) => Promise<void>;
}

async function startStores(signal: RepairedSignal, layout: Layout, nodes: number): Promise<Stores> {
  const kind = SIGNALS[signal];
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  const fleet = defineFleet({
    nodes: names.map((name, index) => ({ name, address: `127.0.8.${index + 1}` })),
    layouts: { [signal]: layout },
  });
  const ports = new Map<string, number>();
  const running = new Map<string, Running>();
  const port = (name: string): number => ports.get(name) ?? expect.fail(`nothing listens as ${name}`);
  const run = async (name: string, ...flags: readonly string[]): Promise<void> => {
    const own = ports.get(name) ?? (await freePort());
    ports.set(name, own);
    running.set(
      name,
      start(program(kind.program), `-httpListenAddr=127.0.0.1:${own}`, "-memory.allowedBytes=64MiB", ...flags),
    );
    await untilAnswers(`http://127.0.0.1:${own}/health`, running.get(name) ?? expect.fail());
  };
  const store = (name: string): Promise<void> =>
    run(
      `${kind.storage} ${name}`,
      `-storageDataPath=${temporaryFolder()}`,
      "-retentionPeriod=30d",
      "-inmemoryDataFlushInterval=1s",
    );
  const holders = layout === "single" ? names.slice(0, 2) : names;
  await Promise.all(holders.map(store));
  if (layout === "cluster") {
    const groups = [0, 1].map((group) => names.filter((_, index) => index % 2 === group));
    for (const members of groups) {
      const storages = members.map((name) => `127.0.0.1:${port(`${kind.storage} ${name}`)}`).join(",");
      for (const name of members) await run(`${kind.select} ${name}`, `-storageNode=${storages}`, "-insert.disable");
    }
  }
  const state = `waiting ${signal} a 0\nwaiting ${signal} b 0\n`;
  const transport = plainTransport((service, name) => port(`${service} ${name}`), state);
  return {
    fleet,
    transport,
    insert: async (name, rows) => {
      const headers = { "content-type": kind.type };
      const path = kind.path;
      await transport.text({ name, address: "" }, kind.storage, {
        method: "POST",
        path,
        headers,
        body: kind.body(rows),
      });
    },
    read: async (what, name) => {
      const service = what === "group" && layout === "cluster" ? kind.select : kind.storage;
      const query = `_time:[${DAY}T00:00:00.000000000Z, ${DAY}T23:59:59.999999999Z)`;
      const path = `/select/logsql/query?query=${encodeURIComponent(query)}`;
      const answer = await transport.open({ name, address: "" }, service, { path });
      const lines = (await bodyOf(answer, "latin1")).split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.stringify(Object.entries(JSON.parse(line)).sort())).sort();
    },
    empty: async (name) => {
      const stopped = running.get(`${kind.storage} ${name}`) ?? expect.fail();
      stopped.process.kill("SIGKILL");
      await expect.poll(() => stopped.process.signalCode).toBe("SIGKILL");
      await store(name);
    },
  };
}

/** @param state what each node's balancer tells of its gateway's queues */
function plainTransport(portOf: (service: MeshService, node: string) => number, state: string): Transport {
  const open = ({ name }: MeshNode, service: MeshService, options: MeshRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { method = "GET", path, headers = {}, body } = options;
      const sent = request({ host: "127.0.0.1", port: portOf(service, name), method, path, headers, agent: false });
      sent.on("response", resolve).on("error", reject).end(body);
    });
  const text: Transport["text"] = async (node, service, options) => {
    if (service === "node") return state;
    const answer = await open(node, service, options);
    const body = await bodyOf(answer, "utf8");
    if ((answer.statusCode ?? 0) >= 300) throw new Error(`${service} of ${node.name}: ${answer.statusCode} ${body}`);
    return body;
  };
  return { open, text };
}

async function bodyOf(answer: IncomingMessage, encoding: BufferEncoding): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString(encoding);
}

/** Small leaves, so that few rows go every way that millions would go. */
function run(signal: RepairedSignal, { fleet, transport }: Stores, fill: boolean): Promise<readonly DayReport[]> {
  const asked = { kind: "days", days: [DAY] } as const;
  const progress = new Progress({ out: { write: () => true }, environment: {} });
  const options = { settleMilliseconds: 2_500, maxRows: 150, now: Date.now() };
  return repair({ fleet, transport, signals: [signal], asked, fill, progress, ...options });
}

const COUNT = 5_000;
/** Rows of two minutes; then 900 within a millisecond, and 100 at the same nanosecond. */
const ROWS = Array.from({ length: COUNT }, (_, seq): Numbered => {
  const spread = seq < 4_000 ? seq * 30_000_011 : 180_000_000_000 + (seq < 4_900 ? (seq - 4_000) * 1_000 : 950_000);
  return { seq, at: spread, service: `svc${seq % 7}` };
});
const between = (seq: number, from: number, to: number): boolean => seq >= from && seq < to;
/** Not contiguous, and both groups have some. In the second of row 1000 nothing else is missing. */
const LOST_BY_A = ROWS.filter(({ seq }) => between(seq, 100, 350) || seq % 37 === 0 || between(seq, 4_200, 4_300));
const LOST_BY_B = ROWS.filter(
  ({ seq }) => seq % 37 !== 0 && (between(seq, 2_000, 2_100) || seq === 1_000 || between(seq, 4_950, 4_990)),
);
const without = (lost: readonly Numbered[]): readonly Numbered[] => ROWS.filter((row) => !lost.includes(row));
const numbersOf = (signal: RepairedSignal, rows: readonly string[]): readonly number[] =>
  rows.map((row) => Number(new Map<string, string>(JSON.parse(row)).get(SIGNALS[signal].number))).sort((a, b) => a - b);

describe.each(["logs", "traces"] as const)("%s", (signal) => {
  const { program: name } = SIGNALS[signal];

  testWith(name)("groups of two nodes and one: what each of them lost comes back from the other", async () => {
    const stores = await startStores(signal, "cluster", 3);
    const inA = without(LOST_BY_A);
    await stores.insert("node1", inA.slice(0, 2_000));
    await stores.insert("node3", inA.slice(2_000));
    await stores.insert("node2", without(LOST_BY_B));
    // Stored twice by a client that tried again, in the second of row 1000: both groups have as many rows there.
    const twice = ROWS.filter(({ seq }) => seq === 1_002);
    await stores.insert("node2", twice);
    await sleep(2_500);

    const check = await run(signal, stores, false);
    expect(check.map(({ found: { missing, put } }) => ({ missing, put }))).toEqual([
      { missing: { a: LOST_BY_A.length, b: LOST_BY_B.length }, put: { a: 0, b: 0 } },
    ]);
    expect(exitOf(check, false)).toBe(2);

    const [report] = await run(signal, stores, true);
    expect(report?.found.put).toEqual({ a: LOST_BY_A.length, b: LOST_BY_B.length });
    expect(report?.left?.missing).toEqual({ a: 0, b: 0 });
    expect(exitOf(report === undefined ? [] : [report], true)).toBe(0);

    const [a, b] = [await stores.read("group", "node3"), await stores.read("group", "node2")];
    const all = ROWS.map(({ seq }) => seq);
    expect(numbersOf(signal, a)).toEqual(all);
    expect(numbersOf(signal, b)).toEqual([...all, 1_002].sort((one, other) => one - other));
    // Every field of every row, its stream and the stream's number.
    expect(new Set(b)).toEqual(new Set(a));

    const again = await run(signal, stores, false);
    expect([exitOf(again, false), again[0]?.found.missing]).toEqual([0, { a: 0, b: 0 }]);
  });

  testWith(name)("a node that lost its disk gets its part back, and no other node is filled in its place", async () => {
    const stores = await startStores(signal, "cluster", 3);
    await stores.insert("node1", ROWS.slice(0, 2_500));
    await stores.insert("node3", ROWS.slice(2_500));
    await stores.insert("node2", ROWS);
    await sleep(2_500);
    await stores.empty("node3");
    const [report] = await run(signal, stores, true);
    expect([report?.found.put, report?.left?.missing]).toEqual([
      { a: 2_500, b: 0 },
      { a: 0, b: 0 },
    ]);
    expect(numbersOf(signal, await stores.read("storage", "node1"))).toHaveLength(2_500);
    expect(await stores.read("group", "node1")).toEqual(await stores.read("group", "node2"));
  });

  testWith(name)(
    "the single layout: interrupted, and completed by the next run without a row stored twice",
    async () => {
      const stores = await startStores(signal, "single", 2);
      await stores.insert("node1", ROWS);
      await stores.insert(
        "node2",
        ROWS.filter(({ seq }) => seq % 2 === 0),
      );
      await sleep(2_500);
      let inserts = 0;
      const text: Transport["text"] = (node, service, options) => {
        // The first one only asks whether the store takes any.
        if (options.path.startsWith("/internal/insert") && ++inserts > 6) throw new Error("interrupted");
        return stores.transport.text(node, service, options);
      };
      const interrupted = { ...stores, transport: { ...stores.transport, text } };
      await expect(run(signal, interrupted, true)).rejects.toThrow("interrupted");
      const [report] = await run(signal, stores, true);
      expect(report?.found.put.b).toBeGreaterThan(0);
      expect(report?.found.put.b).toBeLessThan(COUNT / 2);
      const [a, b] = [await stores.read("group", "node1"), await stores.read("group", "node2")];
      expect(numbersOf(signal, b)).toEqual(ROWS.map(({ seq }) => seq));
      expect(b).toEqual(a);
    },
  );
});
