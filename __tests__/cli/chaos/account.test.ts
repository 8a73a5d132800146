import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { canaryTargets } from "../../../cli/canary";
import { accountsOf, longestGap, type Seen } from "../../../cli/chaos/account";
import { accountsText, keptAll, lostTroubles } from "../../../cli/chaos/report";
import { numberOfTrace, Rounds, type SentItem, traceIdOf } from "../../../cli/chaos/rounds";
import { type AskNumbers, numbersUrl, rowNumbers } from "../../../cli/chaos/store";
import { countAt, Watch } from "../../../cli/chaos/watch";
import { defineFleet } from "../../../lib";
import type { Signal } from "../../../lib/fleet/definition";
import { nodes, planOf } from "../../support/fleets";

const PLANS = planOf(defineFleet({ name: "shop", nodes: nodes(3) })).nodes;
const [NODE1 = expect.fail(), NODE2 = expect.fail(), NODE3 = expect.fail()] = PLANS;
const RUN = "00ff00ff00ff00ff";

/** What every node answers; an item is there as often as its number is. */
class FakeStore {
  public readonly rows: { readonly signal: Signal; readonly number: number }[] = [];

  constructor(private readonly hides: (signal: Signal, number: number, origin: string) => boolean = () => false) {}

  public readonly send = async (_: unknown, signal: Signal, number: number): Promise<void> => {
    this.rows.push({ signal, number });
  };

  public readonly ask: AskNumbers = async (targets, { signal }) => {
    const { origin } = targets[signal];
    const found = new Map<number, number>();
    for (const row of this.rows)
      if (row.signal === signal && !this.hides(signal, row.number, origin))
        found.set(row.number, (found.get(row.number) ?? 0) + 1);
    return found;
  };
}

/** A short game, with a store that answers for all nodes; node3 is struck. */
async function played(store: FakeStore, milliseconds = 700) {
  const others = [NODE1, NODE2];
  const rounds = new Rounds({ nodes: others, run: RUN, send: store.send });
  const watch = new Watch({ nodes: others, run: RUN, items: () => rounds.items, ask: store.ask });
  const from = Date.now();
  await sleep(milliseconds);
  const items = await rounds.end();
  const watched = await watch.end();
  const count = { run: RUN, items, limitSeconds: 0, ask: store.ask };
  const found = (await Promise.all([...others, NODE3].map((node) => countAt(node, count)))).flat();
  return { items, accounts: accountsOf({ items, watched, found, from, to: Date.now() }) };
}

test("everything that was acknowledged is found at every node, the struck one too", async () => {
  const { items, accounts } = await played(new FakeStore());
  expect(items.length).toBeGreaterThanOrEqual(2 * 3 * 2);
  expect(accounts.map(({ signal, node }) => `${signal} ${node}`)).toEqual(
    ["metrics", "logs", "traces"].flatMap((signal) => ["node1", "node2", "node3"].map((node) => `${signal} ${node}`)),
  );
  expect(keptAll(accounts)).toBe(true);
  for (const { node, taken, answered, lost } of accounts) {
    expect(lost).toEqual([]);
    if (node === "node3") expect([taken, answered]).toEqual([undefined, undefined]);
    else expect(taken?.acknowledged).toBe(taken?.sent);
  }
});

test("a log that one node lacks is lost, and said with the moment of its acknowledgement", async () => {
  const { origin } = canaryTargets(NODE2).logs;
  const { items, accounts } = await played(
    new FakeStore((signal, number, at) => signal === "logs" && number === 3 && at === origin),
  );
  expect(keptAll(accounts)).toBe(false);
  expect(accounts.filter(({ lost }) => lost.length > 0).map(({ node, signal, lost }) => [node, signal, lost])).toEqual([
    ["node2", "logs", [3]],
  ]);
  const third = items.find(({ signal, number }) => signal === "logs" && number === 3);
  const at = third?.acknowledgedAt ?? 0;
  expect(lostTroubles(accounts, { items, began: at - 1_500, single: false })).toMatchObject([
    {
      code: "chaos/lost",
      what: "node2 lacks 1 of logs that were acknowledged 1.5 s after the fault began",
      fix: expect.stringContaining("mirador -- repair"),
    },
  ]);
  expect(lostTroubles(accounts, { items, began: at + 2_900, single: true })).toMatchObject([
    {
      what: expect.stringContaining(" 2.9 s before the fault began"),
      fix: expect.stringMatching(/^nobody else has it/),
    },
  ]);
  const text = accountsText(accounts, "node3").join("\n");
  expect(text).toMatch(/^logs +node2 +\d+ +\d+ +1 +0 /m);
  expect(text).toMatch(/^logs +node3 \* +- +- +0 +- +- +0 +- +-$/m);
});

test("a node that does not answer in the end is not one that has everything", async () => {
  const store = new FakeStore();
  const { items, accounts } = await played(store, 350);
  const silent: AskNumbers = async () => {
    throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
  };
  const found = await countAt(NODE3, { run: RUN, items, limitSeconds: 0, ask: silent });
  const seen: Seen = { items, watched: [], found, from: 0, to: 1 };
  expect(keptAll(accounts)).toBe(true);
  expect(keptAll(accountsOf(seen))).toBe(false);
  expect(lostTroubles(accountsOf(seen), { items, began: 0, single: false })).toMatchObject([
    { code: "chaos/not-counted", what: expect.stringContaining("node3 does not answer for logs: ECONNREFUSED") },
  ]);
});

const item = (number: number, more: Partial<SentItem> = {}): SentItem => ({
  ...{ signal: "logs", sentTo: "node1", number, sentAt: number * 1_000, acknowledgedAt: number * 1_000 },
  ...more,
});

test("late, doubles and gaps are counted; what was not acknowledged is nobody's promise", () => {
  const { acknowledgedAt: _, ...refused } = item(4);
  const items = [item(1), item(2), item(3, { acknowledgedAt: 9_000 }), refused];
  const [account] = accountsOf({
    items,
    watched: [
      {
        ...{ node: "node1", signal: "logs", answeredAt: [1_500, 4_000, 19_000], endedAt: 30_000 },
        seenAt: new Map([
          [1, 1_500],
          [2, 19_000],
        ]),
      },
    ],
    found: [
      {
        ...{ node: "node1", signal: "logs" },
        numbers: new Map([
          [1, 3],
          [2, 1],
          [3, 2],
        ]),
      },
    ],
    ...{ from: 0, to: 20_000 },
  });
  expect(account).toEqual({
    ...{ node: "node1", signal: "logs", lost: [], doubles: 3 },
    taken: { sent: 4, acknowledged: 3, gapSeconds: 11 },
    // Number 3 was not seen while anybody looked, and was there in the end.
    answered: { late: 2, slowestSeconds: 21, gapSeconds: 15 },
  });
});

test.each([
  [[], 10],
  [[0, 10_000], 10],
  [[4_000, 1_000], 6],
  [[1_000, 2_000, 99_000], 8],
])("successes at %j leave a gap of %d s", (times, gap) => {
  expect(longestGap(times, 0, 10_000)).toBe(gap);
});

test("an item's number is in its trace's id, and of another run there is none", () => {
  expect(traceIdOf(RUN, 500)).toMatch(/^[0-9a-f]{32}$/);
  expect(numberOfTrace(RUN, traceIdOf(RUN, 500))).toBe(500);
  expect(numberOfTrace(RUN, traceIdOf("11ff00ff00ff00ff", 500))).toBeUndefined();
});

test("rows are counted one by one; an answer that breaks off is none", () => {
  const body = (number: number, run = RUN) => `{"_msg":"mirador canary ${run} ${number}"}\n`;
  expect(rowNumbers("logs", RUN, body(1) + body(2) + body(1) + body(3, "other"))).toEqual(
    new Map([
      [1, 2],
      [2, 1],
    ]),
  );
  expect(rowNumbers("traces", RUN, `{"trace_id":"${traceIdOf(RUN, 7)}"}\n`)).toEqual(new Map([[7, 1]]));
  expect(() => rowNumbers("logs", RUN, body(1) + body(2).slice(0, 9))).toThrow();
});

test("queries ask for what is recent, and for no answer that was given before", () => {
  const question = { run: RUN, since: 1_000_000, now: 1_060_000, poll: 4, timeoutMilliseconds: 1 };
  const url = (signal: Signal) => new URL(numbersUrl(canaryTargets(NODE1), { ...question, signal }));
  expect(url("metrics").searchParams.get("query")).toBe(`mirador_canary{canary="${RUN}",poll!="4"}[61s]`);
  expect(url("metrics").searchParams.get("latency_offset")).toBe("1ms");
  expect(url("logs").searchParams.get("query")).toBe(
    `_time:[1970-01-01T00:16:40.000Z, 1970-01-01T00:18:40.000Z) "${RUN}" | fields _msg`,
  );
  expect(url("traces").searchParams.get("disable_latency_offset")).toBe("true");
});

test("what was seen is not asked for again, however long it takes", async () => {
  const store = new FakeStore();
  const since: number[] = [];
  const rounds = new Rounds({ nodes: [NODE1], run: RUN, send: store.send });
  const watch = new Watch({
    ...{ nodes: [NODE1], run: RUN, items: () => rounds.items },
    ask: async (targets, question) => {
      if (question.signal === "logs") since.push(question.now - question.since);
      return store.ask(targets, question);
    },
  });
  await sleep(1_300);
  await rounds.end();
  expect(watch.unseen).toBeLessThanOrEqual(6);
  await watch.end();
  for (const milliseconds of since) expect(milliseconds).toBeLessThan(6_500);
});
