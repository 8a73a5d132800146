import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { EXAMPLE_NAMES, exampleFleet, PASSWORD, planOf } from "../support/fleets";
import { ROOT, temporaryFolder } from "../support/folders";
import { renderNode } from "../support/rendered";
import { addressesOf, readable, synthNode } from "../support/synth";

const FIXTURES = "../__fixtures__/examples";

test("every example is tested here: fleets by their name, programs below", () => {
  const files = readdirSync(join(ROOT, "examples")).filter((file) => file.endsWith(".ts"));
  const programs = ["outside-program.ts"];
  expect(files.filter((file) => !programs.includes(file))).toEqual(
    EXAMPLE_NAMES.map((name) => `${name}.ts`).toSorted(),
  );
});

/** What a default fleet renders, of one node and of several; the other examples show only the texts that differ from it. */
const USUAL = { one: "one-node", several: "two-nodes" } as const;
const usualTexts = { one: firstOf(USUAL.one).texts, several: firstOf(USUAL.several).texts };

function firstOf(name: string) {
  const [plan] = planOf(exampleFleet(name)).nodes;
  if (plan === undefined) throw new Error(`${name} has no nodes`);
  return renderNode(plan);
}

/** A text without what is as usual at its begin and end, so that it shows what the example is about. */
function cutAsUsual(text: string, usual = ""): string {
  const lines = text.split("\n");
  const usualLines = usual.split("\n");
  const head = lines.findIndex((line, index) => line !== usualLines[index]);
  const tail = lines.toReversed().findIndex((line, index) => line !== usualLines.at(-1 - index));
  const asUsual = (count: number): readonly string[] => (count === 0 ? [] : [`(${count} lines as usual)`]);
  return [...asUsual(head), ...lines.slice(head, lines.length - tail), ...asUsual(tail)].join("\n");
}

describe.each(EXAMPLE_NAMES)("%s", (name) => {
  const { nodes } = planOf(exampleFleet(name));
  const size = nodes.length > 1 ? "several" : "one";
  const synthesized = nodes.map((plan) => ({ plan, stack: synthNode(plan) }));

  test("is given to Terraform as this: its first node", async () => {
    const { stack, texts } = firstOf(name);
    await expect(readable(stack)).toMatchFileSnapshot(`${FIXTURES}/${name}/stack.json`);
    for (const [file, text] of texts) {
      if (name === USUAL[size] || text !== usualTexts[size].get(file))
        await expect(
          `${name === USUAL[size] ? text : cutAsUsual(text, usualTexts[size].get(file))}\n`,
        ).toMatchFileSnapshot(`${FIXTURES}/${name}/${file}`);
    }
  });

  test("reaches each engine and keeps each state like this", async () => {
    const ways = synthesized.map(({ plan: { name: node, group }, stack: { provider, terraform } }) => ({
      node,
      group,
      provider,
      backend: terraform.backend,
    }));
    await expect(readable(ways)).toMatchFileSnapshot(`${FIXTURES}/${name}/nodes.json`);
  });

  test("has the same resources on every node", () => {
    const resources = synthesized.map(({ stack }) => addressesOf(stack));
    for (const addresses of resources) expect(addresses).toEqual(resources[0]);
  });
});

test("outside-program synthesizes a whole node and a store alone", async () => {
  const folder = temporaryFolder();
  vi.stubEnv("CDKTF_OUTDIR", folder);
  vi.stubEnv("STATS_PASSWORD", PASSWORD);
  try {
    await import("../../examples/outside-program");
  } finally {
    vi.unstubAllEnvs();
  }
  expect(readdirSync(join(folder, "stacks"))).toEqual(["logs", "node1"]);
});
