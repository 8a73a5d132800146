import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { expect } from "vitest";
import { NodeStack } from "../../constructs/node-stack";
import { defineFleet } from "../../lib";
import { literal } from "../../lib/terraform/literal";
import { program, TERRAFORM_CONFIG, testWith } from "../support/binaries";
import { EXAMPLE_NAMES, exampleFleet, ONE_NODE, planOf } from "../support/fleets";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOf } from "../support/problems";

function terraform(folder: string, ...parameters: string[]): SpawnSyncReturns<string> {
  const { PATH = "", HOME = "", TF_CLI_CONFIG_FILE } = process.env;
  const config = existsSync(TERRAFORM_CONFIG) ? TERRAFORM_CONFIG : TF_CLI_CONFIG_FILE;
  return spawnSync(program("terraform").file, [`-chdir=${folder}`, ...parameters], {
    encoding: "utf8",
    env: {
      PATH,
      HOME,
      CHECKPOINT_DISABLE: "1",
      TF_IN_AUTOMATION: "1",
      // The provider is linked once and not once per stack.
      TF_DATA_DIR: join(folder, "..", ".terraform"),
      ...(config === undefined ? {} : { TF_CLI_CONFIG_FILE: config }),
    },
  });
}

testWith("terraform", "terraform provider").each(EXAMPLE_NAMES)(
  "Terraform and the real provider accept every stack of %s",
  (name) => {
    const outdir = temporaryFolder();
    const app = new App({ outdir });
    const { nodes } = planOf(exampleFleet(name));
    for (const plan of nodes) new NodeStack(app, plan.name, { plan, stateFolder: "/state" });
    app.synth();
    const lock = ".terraform.lock.hcl";
    const stacks = nodes.map((plan) => join(outdir, "stacks", plan.name));
    const [first = expect.fail(), ...others] = stacks;
    const { status, stdout, stderr } = terraform(first, "init", "-backend=false", "-no-color", "-input=false");
    expect(status, stdout + stderr).toBe(0);
    for (const other of others) copyFileSync(join(first, lock), join(other, lock));
    for (const stack of stacks) {
      const { stdout: answer } = terraform(stack, "validate", "-json");
      expect(JSON.parse(answer), stack.slice(outdir.length)).toMatchObject({ valid: true, diagnostics: [] });
    }
  },
);

testWith("terraform")("Terraform composes decomposed letters, which is why a fleet may not hold any", () => {
  expect(throughTerraform(["e\u0301"])).toEqual(["\u00e9"]);
  const backend = { type: "http", config: { address: "https://h/e\u0301" } };
  expect(codesOf(problemsOf(() => defineFleet({ ...ONE_NODE, backend })))).toEqual([
    ["fleet/text-unsafe", "fleet.backend.config.address"],
  ]);
});

testWith("terraform")("Terraform passes every text on byte for byte", () => {
  const texts = [
    "plain",
    "${env.HOME}",
    "%{ if true }x%{ endif }",
    "$${already}",
    "$$${twice}",
    "$$$${thrice}",
    "%%{already}",
    "%%%{twice}",
    "$%{mixed}",
    "%${mixed}",
    "${%{nested}}",
    "$ { % {",
    "ends in $",
    "ends in ${",
    '[{"a": "b\\\\c"}]\n\ttab',
    "größe \u{1F511} \u2028 \u202E",
  ];
  expect(throughTerraform(texts)).toEqual(texts);
});

/** What Terraform makes of texts that we wrote for it. */
function throughTerraform(texts: readonly string[]): readonly (string | undefined)[] {
  const folder = join(temporaryFolder(), "texts");
  mkdirSync(folder);
  const output = Object.fromEntries(texts.map((text, index) => [`o${index}`, { value: literal(text) }]));
  writeFileSync(join(folder, "main.tf.json"), JSON.stringify({ output }));
  expect(terraform(folder, "init", "-no-color")).toMatchObject({ status: 0 });
  const { status, stderr } = terraform(folder, "apply", "-auto-approve", "-no-color");
  expect(status, stderr).toBe(0);
  const values = JSON.parse(terraform(folder, "output", "-json").stdout) as Record<string, { value: string }>;
  return texts.map((_, index) => values[`o${index}`]?.value);
}
