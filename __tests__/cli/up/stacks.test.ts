import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { beginStacks } from "../../../cli/up/stacks";
import { defineFleet, type NodePlan } from "../../../lib";
import { nodes, planOf } from "../../support/fleets";
import { ROOT, temporaryFolder } from "../../support/folders";

const [node] = planOf(defineFleet({ nodes: nodes(1) })).nodes as readonly [NodePlan];

/** Stands in for the program: writes the stack that `stack.json` holds. */
const PROGRAM = `
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
mkdirSync("cdktf.out/stacks/node1/.terraform", { recursive: true });
writeFileSync("cdktf.out/stacks/node1/cdk.tf.json", readFileSync("stack.json"));
`;
/** Stands in for Terraform, which finds nothing to do; as long as there is a file \`hang\` it comes to no end. */
const TERRAFORM = `#!/bin/sh
cd "$(dirname "$0")"
echo "$2" >> asked
while [ -e hang ]; do sleep 0.05; done
case $2 in
plan)
  echo '{"type":"refresh_start","hook":{"resource":{"resource_type":"docker_container"},"id_key":"id","id_value":"abc"}}'
  echo '{"type":"refresh_start","hook":{"resource":{"resource_type":"docker_network"},"id_key":"id","id_value":"def"}}'
  echo '{"type":"change_summary","changes":{"add":0,"change":0,"remove":0}}' ;;
esac
`;

function checkout() {
  const folder = temporaryFolder({ "main.ts": PROGRAM, "stack.json": '{"of":"the first"}', terraform: TERRAFORM });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  chmodSync(join(folder, "terraform"), 0o755);
  const environment = { ...process.env, TERRAFORM_BINARY_NAME: join(folder, "terraform"), CDKTF_OUTDIR: undefined };
  const begin = () => beginStacks({ folder, environment, interrupt: new AbortController().signal }, [node]);
  const asked = () => {
    const lines = readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
    writeFileSync(join(folder, "asked"), "");
    return lines.filter((line) => line !== "");
  };
  writeFileSync(join(folder, "asked"), "");
  return { folder, begin, asked };
}

test("a stack is compared while the program writes it, when it was compared before and comes out the same", async () => {
  const { folder, begin, asked } = checkout();
  const first = begin();
  await first.written;
  expect(await first.compared(node)).toBeUndefined();
  expect(asked()).toEqual([]);
  first.remember(node);

  const second = begin();
  await second.written;
  expect(await second.compared(node)).toMatchObject({
    summary: { add: 0, change: 0, destroy: 0 },
    containers: new Set(["abc"]),
  });
  expect(asked()).toEqual(["plan"]);

  // The program writes something else, which nothing of the plan's data tells.
  writeFileSync(join(folder, "stack.json"), '{"of":"another program"}');
  const third = begin();
  await third.written;
  expect(await third.compared(node)).toBeUndefined();
  asked();
  const fourth = begin();
  await fourth.written;
  expect([await fourth.compared(node), asked()]).toEqual([undefined, []]);
});

test("one that is given up ends Terraform, whatever that waits for", async () => {
  const { folder, begin, asked } = checkout();
  const first = begin();
  await first.written;
  first.remember(node);
  writeFileSync(join(folder, "hang"), "");
  const second = begin();
  await expect.poll(asked).toEqual(["plan"]);
  await second.stop();
  expect(await second.compared(node)).toBeUndefined();
});

test("what the program refuses is told to whoever waits for it", async () => {
  const { folder, begin } = checkout();
  writeFileSync(join(folder, "main.ts"), 'console.error("error fleet/wrong"); process.exit(65);');
  const stacks = begin();
  await expect(stacks.written).rejects.toMatchObject({ message: "error fleet/wrong", exitCode: 65 });
  await stacks.stop();
});
