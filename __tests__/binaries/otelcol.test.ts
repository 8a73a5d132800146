import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { refineFleet } from "../../lib";
import { QUEUE_DIRECTORY } from "../../lib/otel/gateway";
import { builtImages, program, testWith } from "../support/binaries";
import { EXAMPLE_NAMES, exampleFleet, planOf } from "../support/fleets";
import { temporaryFolder } from "../support/folders";

/** Every text that a collector of an example fleet is given; equal ones once. */
const configs = new Map<string, string>();
for (const name of EXAMPLE_NAMES) {
  for (const plan of planOf(refineFleet(exampleFleet(name), {}, builtImages())).nodes.slice(0, 2)) {
    for (const [collector, text] of Object.entries(plan.otel.configs))
      if (!configs.has(text)) configs.set(text, `${collector} of ${name} ${plan.name}`);
  }
}

function validate(text: string): { status: number | null; stderr: string } {
  const folder = temporaryFolder();
  const queue = join(folder, "queue");
  mkdirSync(queue);
  const file = join(folder, "config.yaml");
  writeFileSync(file, text.replaceAll(QUEUE_DIRECTORY, queue));
  const { file: otelcol } = program("otelcol");
  const { status, stderr } = spawnSync(otelcol, ["validate", `--config=${file}`], { encoding: "utf8" });
  return { status, stderr };
}

testWith("otelcol").each([...configs].map(([text, title]) => [title, text] as const))(
  "the collector accepts %s",
  (_, text) => {
    const { status, stderr } = validate(text);
    expect(status, stderr).toBe(0);
  },
);

testWith("otelcol")("the collector refuses what it does not know, so that the tests above mean something", () => {
  const [[text] = expect.fail()] = configs;
  expect(validate(text.replace("max_elapsed_time", "max_elapsed_tim")).status).toBe(1);
});

test("every collector is among those that are checked", () => {
  const collectors = new Set([...configs.values()].map((title) => title.split(" ")[0]));
  expect([...collectors].toSorted()).toEqual(
    Object.keys(planOf(exampleFleet("one-node")).nodes[0]?.otel.configs ?? {}).toSorted(),
  );
});
