import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { describe, expect } from "vitest";
import { init, stackFolder, terraformEnvironment } from "../../cli/terraform";
import type { TerraformPlan } from "../../cli/terraform-plan";
import { DOCKER_PROVIDER_VERSION, NodeStack } from "../../constructs/node-stack";
import { healthcheckOf, labelList, replaceLabel } from "../../constructs/service-container";
import { defineFleet } from "../../lib";
import type { Healthcheck } from "../../lib/plan/service-plan";
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

const HEALTHY: Healthcheck = {
  command: "true",
  intervalSeconds: 3,
  timeoutSeconds: 4,
  retries: 5,
  startPeriodSeconds: 6,
  awaited: true,
};
const HARMLESS = { healthcheck: HEALTHY, tmpfs: { "/tmp": "size=16m" } };

/** Healthcheck and tmpfs of a container, as constructs write them. */
interface Watched {
  readonly healthcheck?: Healthcheck;
  readonly tmpfs?: Readonly<Record<string, string>>;
}

describe("a change that the provider never brings to a container", () => {
  const changes: readonly (readonly [string, Watched])[] = [
    ["an edited healthcheck", { ...HARMLESS, healthcheck: { ...HEALTHY, intervalSeconds: 7 } }],
    ["a healthcheck that asks another thing", { ...HARMLESS, healthcheck: { ...HEALTHY, command: "false" } }],
    ["a healthcheck that is gone", { tmpfs: HARMLESS.tmpfs }],
    ["an edited tmpfs", { ...HARMLESS, tmpfs: { "/tmp": "size=32m" } }],
    ["a tmpfs that is gone", { healthcheck: HEALTHY }],
  ];

  testWith("terraform", "terraform provider")("replaces it by its label, once", () => {
    const found = plannedChanges(changes.map(([name, after]) => [name, HARMLESS, after]));
    for (const [name] of changes) expect([name, found.get(name)]).toEqual([name, ["labels"]]);
    expect(plannedChanges([["nothing", HARMLESS, HARMLESS]]).get("nothing")).toBeUndefined();
  });

  // The day this fails the label is needless.
  testWith("terraform", "terraform provider")("would not replace it without the label", () => {
    const found = plannedChanges(
      changes.map(([name, after]) => [name, HARMLESS, after]),
      false,
    );
    for (const [name] of changes) expect([name, found.get(name)]).toEqual([name, undefined]);
  });
});

/**
 * What the real provider says of containers that are as in the state, and wanted otherwise. No engine is asked.
 * @returns the attributes for which each would be replaced
 */
function plannedChanges(
  cases: readonly (readonly [name: string, before: Watched, after: Watched])[],
  labelled = true,
): ReadonlyMap<string, readonly string[]> {
  const folder = join(temporaryFolder(), "plan");
  mkdirSync(folder);
  const id = (name: string): string => name.replaceAll(" ", "-");
  const attributes = ({ healthcheck, tmpfs }: Watched) => {
    const health = healthcheck && healthcheckOf(healthcheck);
    const { startPeriod, ...same } = health ?? {};
    return {
      ...{ name: "x", image: "x", tmpfs: tmpfs ?? {} },
      healthcheck: health === undefined ? [] : [{ ...same, start_period: startPeriod, start_interval: "0s" }],
      labels: labelled ? labelList(replaceLabel(health, tmpfs ?? {})) : [],
    };
  };
  // What a refresh would have found of everything else.
  const read = {
    ...{ command: [], entrypoint: [], env: [], network_mode: "bridge", read_only: false, security_opts: [] },
    ...{ stdin_open: false, tty: false },
  };
  const state = {
    ...{ version: 4, terraform_version: "1.0.0", serial: 1, lineage: "x", outputs: {} },
    resources: cases.map(([name, before]) => ({
      ...{ mode: "managed", type: "docker_container", name: id(name) },
      provider: 'provider["registry.terraform.io/kreuzwerker/docker"]',
      instances: [{ schema_version: 2, attributes: { ...attributes(before), ...read, id: id(name) } }],
    })),
  };
  writeFileSync(join(folder, "terraform.tfstate"), JSON.stringify(state));
  const stack = {
    terraform: { required_providers: { docker: { source: "kreuzwerker/docker", version: DOCKER_PROVIDER_VERSION } } },
    resource: {
      docker_container: Object.fromEntries(cases.map(([name, , after]) => [id(name), attributes(after)])),
    },
  };
  writeFileSync(join(folder, "main.tf.json"), JSON.stringify(stack));
  expect(terraform(folder, "init", "-no-color", "-input=false")).toMatchObject({ status: 0 });
  const { status, stderr } = terraform(folder, "plan", "-refresh=false", "-no-color", "-out=plan");
  expect(status, stderr).toBe(0);
  const { resource_changes: found }: TerraformPlan = JSON.parse(terraform(folder, "show", "-json", "plan").stdout);
  return new Map(
    cases.flatMap(([name]) => {
      const change = found?.find((one) => one.name === id(name))?.change;
      if (!change?.actions.includes("delete")) return [];
      return [[name, change.replace_paths?.map(([attribute]) => String(attribute)) ?? []]];
    }),
  );
}

testWith("terraform", "terraform provider")(
  "an upgraded checkout gets the provider that it wants now, whatever the lock file of its last run says",
  async () => {
    const folder = temporaryFolder();
    const [plan = expect.fail()] = planOf(exampleFleet("one-node")).nodes;
    const app = new App({ outdir: join(folder, "cdktf.out") });
    new NodeStack(app, plan.name, { plan, stateFolder: folder });
    app.synth();
    const place = { folder, node: plan.name, env: terraformEnvironment(process.env, TERRAFORM_CONFIG) };
    const lock = join(stackFolder(place), ".terraform.lock.hcl");
    const address = "registry.terraform.io/kreuzwerker/docker";
    writeFileSync(lock, `provider "${address}" {\n  version = "4.5.0"\n  hashes = ["h1:${"A".repeat(43)}="]\n}\n`);
    await init(place);
    expect(readFileSync(lock, "utf8")).toMatch(/version += "4\.([6-9]|\d\d)\./);
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
