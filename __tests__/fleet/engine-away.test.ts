import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { CutEngine } from "./support/cut-engine";
import { useFleet } from "./support/deployed";
import { context } from "./support/shared-rig";

/** What an engine is asked after it has said who it is. */
const LATER = /\/(?:containers|images|volumes|networks|system|exec)\b/;

describe(`the engine of node2 goes away in the middle of a verb (${context.title})`, () => {
  const { stack } = useFleet();

  /** Runs a verb while the engine of node2 answers until that request. */
  async function mirador(until: RegExp, ...verb: readonly string[]) {
    const folder = await mkdtemp(join(tmpdir(), "mirador-cut-"));
    const engine = new CutEngine(join(folder, "docker.sock"), stack.host("node2").socket, until);
    await engine.listen();
    onTestFinished(async () => {
      await engine.close();
      await rm(folder, { recursive: true });
    });
    const nodes = stack.fleet.nodes.map((node) =>
      node.name === "node2" ? { ...node, docker: { kind: "unix", socket: engine.socket } as const } : node,
    );
    const { status, output } = await stack.miradorAs({ nodes }, {}, ...verb);
    console.log(`fleet | ${verb.join(" ")}: status ${status}\n${output}\n${engine.requests.join("\n")}`);
    expect(engine.isGone, "the verb never asked for what it was waited for").toBe(true);
    return { status, output };
  }

  function expectTold({ status, output }: { readonly status: number | null; readonly output: string }): void {
    expect(status).toBe(1);
    expect(output).toMatch(/^error \S+\/\S+\n +what +[\s\S]*node2[\s\S]*\n +fix +\S/m);
    expect(output).not.toMatch(/^ {4}at /m);
  }

  async function expectNothingHeld(): Promise<void> {
    const held = async () => {
      const lists = stack.nodes.map((node) => stack.host(node).docker.listContainers({ all: true }));
      return (await Promise.all(lists)).flat().flatMap(({ Labels, Names }) => ("mirador.lock" in Labels ? Names : []));
    };
    // A lock ends with its connection, and Docker removes it after that.
    await expect.poll(held, { timeout: 30_000 }).toEqual([]);
  }

  test.each([
    ["status", /^node1 +a +ready/m],
    ["volumes", /^node1 +logs /m],
    ["images", /^node1 /m],
    ["logs --tail 3", /^node1 +gateway +\|/m],
    ["doctor", /^ok +node1 +disk/m],
  ])("%s tells it, and what the others have", async (line, others) => {
    const told = await mirador(LATER, ...line.split(" "));
    expectTold(told);
    expect(told.output).toMatch(others);
    expect(told.output).toMatch(/^(?:ok +)?node3 /m);
  });

  test.each(["plan", "drift"])("%s tells it, and takes no node for one that is as it should be", async (verb) => {
    const told = await mirador(/\/containers\/\w{64}\/json/, verb);
    expectTold(told);
    expect(told.output).not.toMatch(/as the fleet says/);
    await expectNothingHeld();
  });

  test.each([
    // Of the container that stands for the lock; who comes next takes it away.
    ["restart", /\/containers\/\w+\/start/, ["restart", "spanmetrics", "--node", "node2"]],
    ["restart", /\/containers\/\S+\/(?:restart|stop)/, ["restart", "spanmetrics", "--node", "node2"]],
    ["reload", /\/containers\/\S+\/(?:exec|kill)/, ["reload", "node2"]],
  ] as const)("%s at %s tells it, and does its work when it is run again", async (_, until, verb) => {
    expectTold(await mirador(until, ...verb));
    expect(await stack.mirador(...verb)).toMatchObject({ status: 0 });
    await expectNothingHeld();
  });

  test("backup and restore tell it, and do all of it when they are run again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mirador-backup-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    // So that there is something to copy.
    expect(await stack.mirador("test")).toMatchObject({ status: 0 });
    expectTold(await mirador(/\/archive\b/, "backup", folder, "--group", "all"));
    expect(await stack.mirador("backup", "list", folder)).toMatchObject({ status: 0 });
    expect(await stack.mirador("backup", folder, "--group", "all", "--verify")).toMatchObject({ status: 0 });
    // Nothing was swapped yet: the stores go on with what they had.
    expectTold(await mirador(/^PUT \S+\/archive/, "restore", folder, "--replace"));
    expect(await stack.mirador("health")).toMatchObject({ status: 0 });
    expect(await stack.mirador("restore", folder, "--replace")).toMatchObject({ status: 0 });
    await expectNothingHeld();
  });
});
