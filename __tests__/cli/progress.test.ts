import { expect, test, vi } from "vitest";
import { Interrupted } from "../../cli/failure";
import { Progress, stepLine } from "../../cli/progress";

function recording(isTTY: boolean, environment: Record<string, string> = {}) {
  const written: string[] = [];
  const out = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  let now = 0;
  const progress = new Progress({ out, environment, now: () => now });
  const pass = (milliseconds: number): void => {
    now += milliseconds;
  };
  return { progress, pass, text: () => written.join("") };
}

test("a step is one line with its name, what came of it and its seconds", async () => {
  const { progress, pass, text } = recording(false);
  await progress.step(
    "synth",
    "waiting",
    async () => pass(1234),
    () => "written",
  );
  expect(text()).toMatch(/^synth {8}written +1\.2 s\n$/);
});

test("a failed step names what it was at", async () => {
  const { progress, text } = recording(false);
  const work = progress.step(
    "apply",
    "terraform compares",
    async (step) => {
      step.waiting("3 of 17 containers up");
      throw new Error("no");
    },
    String,
  );
  await expect(work).rejects.toThrow("no");
  expect(text()).toContain("failed: 3 of 17 containers up");
});

test("an interrupted step is not called failed", async () => {
  const { progress, text } = recording(false);
  const work = progress.step("apply", "containers", () => Promise.reject(new Interrupted()), String);
  await expect(work).rejects.toThrow();
  expect(text()).toContain("interrupted: containers");
});

test("without a terminal a long wait says every few seconds what it waits for, and only what is new", async () => {
  vi.useFakeTimers();
  const { progress, text } = recording(false);
  const work = progress.step(
    "apply",
    "waiting for haproxy",
    () => new Promise<void>((done) => setTimeout(done, 12_000)),
    () => "done",
  );
  await vi.advanceTimersByTimeAsync(12_000);
  await work;
  vi.useRealTimers();
  expect(
    text()
      .split("\n")
      .filter((line) => line.includes("waiting for haproxy …")),
  ).toHaveLength(1);
});

test("in a terminal the line of a running step is drawn over, never wider than the terminal", async () => {
  vi.useFakeTimers();
  const { progress, text } = recording(true);
  const work = progress.step(
    "apply",
    "x".repeat(200),
    () => new Promise<void>((done) => setTimeout(done, 1_000)),
    () => "done",
  );
  await vi.advanceTimersByTimeAsync(1_000);
  await work;
  vi.useRealTimers();
  const drawn = text()
    .split("\r\u001b[2K")
    .filter((part) => part.includes("xxx"));
  expect(drawn.length).toBeGreaterThan(1);
  for (const line of drawn) expect(line.length).toBeLessThan(60);
});

test("a long text is folded at its spaces, the seconds behind its last line", async () => {
  const { progress, pass, text } = recording(false);
  await progress.step(
    "canary",
    "",
    async (step) => {
      step.line("found ".repeat(20).trim(), 61.4);
      step.line("word ".repeat(20).trim());
      pass(2_000);
    },
    () => "all ".repeat(30).trim(),
  );
  const lines = text().trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  expect(lines[1]).toMatch(/^ {13}found.* 61\.4 s$/);
  expect(lines[4]).toMatch(/^canary {7}all/);
  expect(lines[5]).toMatch(/^ {13}all.* 2\.0 s$/);
});

test.each([
  ["a terminal has colour", true, {}, true],
  ["NO_COLOR has none", true, { NO_COLOR: "1" }, false],
  ["a dumb terminal has none", true, { TERM: "dumb" }, false],
  ["a file has none", false, {}, false],
])("%s", async (_, isTTY, environment, colour) => {
  const { progress, text } = recording(isTTY, environment);
  await progress.step(
    "synth",
    "",
    async () => undefined,
    () => "ok",
  );
  expect(text().includes("\u001b[32m")).toBe(colour);
});

test("a text that is too long for its line keeps its seconds", () => {
  expect(stepLine("ports", "y".repeat(150), 2)).toMatch(/y {2}2\.0 s$/);
});
