import type Docker from "dockerode";
import { describe, expect, test } from "vitest";
import { type Asker, lockText, reportOf, resolveReferences } from "../../cli/operate/image-lock";

const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** What an engine's registries say of a reference: a digest, or the error of the engine. */
type Said = Readonly<Record<string, string | { readonly statusCode: number; readonly message: string }>>;

interface FakeEngine {
  readonly said?: Said;
  /** Digests by which the engine has images that registries refuse. */
  readonly has?: Readonly<Record<string, readonly string[]>>;
}

/** An engine that answers what is written, and notes what it was asked. */
function engine(node: string, { said = {}, has = {} }: FakeEngine, asked: string[] = []): Asker {
  const getImage = (ref: string) => ({
    distribution: async () => {
      asked.push(`${node} ${ref}`);
      const answer = said[ref] ?? { statusCode: 500, message: "dial tcp: lookup r on 10.0.0.53:53: no such host" };
      if (typeof answer !== "string") throw Object.assign(new Error(answer.message), answer);
      return { Descriptor: { digest: answer } };
    },
    inspect: async () => {
      if (has[ref] === undefined) throw Object.assign(new Error("no such image"), { statusCode: 404 });
      return { RepoDigests: has[ref] };
    },
  });
  return async () => ({ node, address: `unix:///${node}.sock`, client: { getImage } as unknown as Docker });
}

const away: Asker = async () => [{ code: "machine/engine-unreachable", what: "no engine", fix: "start it" }];
const REFUSED = { statusCode: 404, message: "manifest unknown: manifest unknown" };

describe("references are resolved", () => {
  test("by the first engine that answers, and no other", async () => {
    const asked: string[] = [];
    const said = { "b:1": digestOf("b"), "a:1": digestOf("a") };
    const found = await resolveReferences(
      ["b:1", "a:1"],
      [away, engine("n2", { said }, asked), engine("n3", {}, asked)],
    );
    expect(found).toEqual({
      answers: [
        { ref: "b:1", digest: digestOf("b") },
        { ref: "a:1", digest: digestOf("a") },
      ],
      troubles: [],
    });
    expect(asked).toEqual(["n2 b:1", "n2 a:1"]);
  });

  test("by the next engine where one has no way to a registry, and by nobody twice", async () => {
    const asked: string[] = [];
    const first = engine(
      "n1",
      { said: { "a:1": digestOf("a"), "c:1": { statusCode: 429, message: "too many" } } },
      asked,
    );
    const second = engine("here", { said: { "b:1": digestOf("b"), "c:1": digestOf("c") } }, asked);
    const { answers, troubles } = await resolveReferences(["a:1", "b:1", "c:1"], [first, second]);
    expect(troubles).toEqual([]);
    expect(answers.every((answer) => "digest" in answer)).toBe(true);
    expect(asked).toEqual(["n1 a:1", "n1 b:1", "n1 c:1", "here b:1", "here c:1"]);
  });

  test("not when a registry says no: that is told, with the reason", async () => {
    const asked: string[] = [];
    const engines = [engine("n1", { said: { "a:9": REFUSED } }, asked), engine("here", {}, asked)];
    const { troubles } = await resolveReferences(["a:9"], engines);
    expect(troubles).toMatchObject([
      {
        code: "images/not-in-registry",
        what: expect.stringContaining("manifest unknown"),
        where: "n1 (unix:///n1.sock)",
      },
    ]);
    expect(asked).toEqual(["n1 a:9"]);
  });

  test("not when an answer is no digest", async () => {
    const { troubles } = await resolveReferences(["a:1"], [engine("n1", { said: { "a:1": "sha512:00" } })]);
    expect(troubles).toMatchObject([{ code: "images/registry-unreached", what: expect.stringContaining("sha512:00") }]);
  });

  test("not without a network, which is told once for all, beside engines that do not answer", async () => {
    const { troubles } = await resolveReferences(["a:1", "b:1"], [away, engine("n1", {})]);
    expect(troubles).toMatchObject([
      { code: "images/registry-unreached", what: "no digest of a:1, b:1: lookup r: no such host" },
      { code: "machine/engine-unreachable" },
    ]);
  });

  test("not by an engine that was asked under another name", async () => {
    const asked: string[] = [];
    const n1 = engine("n1", {}, asked);
    const again: Asker = async () => ({ ...(await n1()), node: "this machine" }) as Awaited<ReturnType<Asker>>;
    await resolveReferences(["a:1"], [n1, again]);
    expect(asked).toEqual(["n1 a:1"]);
  });

  test("not when there is no engine", async () => {
    const { answers, troubles } = await resolveReferences(["a:1"], [away]);
    expect(answers).toEqual([{ ref: "a:1", unanswered: "no engine answers" }]);
    expect(troubles.map(({ code }) => code)).toEqual(["images/registry-unreached", "machine/engine-unreachable"]);
  });
});

describe("left out of a lock", () => {
  test("is what was made on a machine or names its digest, and nobody is asked", async () => {
    const asked: string[] = [];
    const refs = ["mirador.local/haproxy:3.0.11", `a@${digestOf("a")}`];
    const { answers, troubles } = await resolveReferences(refs, [engine("n1", {}, asked)]);
    expect(answers.map((answer) => "leftOut" in answer)).toEqual([true, true]);
    expect([troubles, asked]).toEqual([[], []]);
  });

  test("is what the engine has from nowhere, and not what it pulled once", async () => {
    const said = { "own:1": REFUSED, "gone:1": REFUSED };
    const has = { "own:1": [], "gone:1": [`gone@${digestOf("a")}`] };
    const { answers } = await resolveReferences(["own:1", "gone:1"], [engine("n1", { said, has })]);
    expect(answers).toEqual([
      { ref: "own:1", leftOut: "made on or loaded into the engine of n1, no registry has it" },
      { ref: "gone:1", refused: "manifest unknown: manifest unknown" },
    ]);
  });
});

describe("a report", () => {
  const about = { fleet: "mirador", file: "fleet.lock.json" };
  const images = { "a:1": digestOf("a"), "b:1": digestOf("b"), "old:1": digestOf("c") };

  test("says of each image whether it is new, moved, as locked, left out or not needed", () => {
    const report = reportOf({
      ...about,
      lock: { version: 1, images },
      answers: [
        { ref: "a:1", digest: digestOf("a") },
        { ref: "b:1", digest: digestOf("e") },
        { ref: "new:1", digest: digestOf("d") },
        { ref: "mirador.local/x:1", leftOut: "made here" },
      ],
    });
    expect(report).toMatchObject({ current: false, unneeded: ["old:1"] });
    expect(lockText(report)).toMatchInlineSnapshot(`
      "image              digest
      a:1                sha256:aaaaaaaaaaaa…  as locked
      b:1                sha256:eeeeeeeeeeee…  moved, was sha256:bbbbbbbbbbbb…
      new:1              sha256:dddddddddddd…  new
      mirador.local/x:1  -                     left out: made here
      old:1              -                     in the lock, and nothing needs it any more"
    `);
  });

  test("is current when a new lock would be the same", () => {
    const answers = [
      { ref: "a:1", digest: digestOf("a") },
      { ref: "mirador.local/x:1", leftOut: "made here" },
    ];
    const lock = { version: 1 as const, images: { "a:1": digestOf("a") } };
    expect(reportOf({ ...about, lock, answers }).current).toBe(true);
    expect(reportOf({ ...about, lock: undefined, answers }).current).toBe(false);
    // Nothing to lock is no reason for a file.
    expect(reportOf({ ...about, lock: undefined, answers: answers.slice(1) }).current).toBe(true);
  });

  test("is not current, and forgets no lock, while something is not known", () => {
    const report = reportOf({ ...about, lock: { version: 1, images }, answers: [{ ref: "a:1", unanswered: "no" }] });
    expect(report).toMatchObject({ current: false, unneeded: ["b:1", "old:1"] });
  });
});
