import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deploySaid, fixOf, progressText } from "../../cli/deployment";
import {
  idsInState,
  isRegistryOutOfReach,
  lockedError,
  ownConfigFile,
  TerraformError,
  terraformEnvironment,
  wantsOtherProvider,
} from "../../cli/terraform";
import { afterEvent, NO_PROGRESS, parseInitErrors } from "../../cli/terraform-output";

test("keeps Docker's variables from Terraform: they would send the stack to another engine", () => {
  const env = terraformEnvironment({
    PATH: "/bin",
    DOCKER_HOST: "tcp://1.2.3.4:2375",
    DOCKER_CONTEXT: "other",
    DOCKER_CERT_PATH: "/certs",
    DOCKER_TLS_VERIFY: "1",
    DOCKER_CONFIG: "/config",
    MIRADOR_STATE: "state",
  });
  expect(Object.keys(env).filter((name) => name.startsWith("DOCKER_"))).toEqual(["DOCKER_CONFIG"]);
  expect(env).toMatchObject({ PATH: "/bin", MIRADOR_STATE: "state", CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1" });
});

test("a person's own Terraform configuration wins; one that does not exist is no configuration", () => {
  const own = join(mkdtempSync(join(tmpdir(), "mirador-")), "own.rc");
  writeFileSync(own, "");
  expect(terraformEnvironment({ TF_CLI_CONFIG_FILE: own }, "/parts.rc").TF_CLI_CONFIG_FILE).toBe(own);
  expect(terraformEnvironment({ TF_CLI_CONFIG_FILE: `${own}.gone` }, "/parts.rc").TF_CLI_CONFIG_FILE).toBe("/parts.rc");
  expect(terraformEnvironment({ TF_CLI_CONFIG_FILE: `${own}.gone` })).not.toHaveProperty("TF_CLI_CONFIG_FILE");
  expect(ownConfigFile({})).toBeUndefined();
});

const resource = (addr: string) => ({ addr, resource_type: addr.split(".")[0] ?? "" });
const planned = (addr: string) => ({ type: "planned_change", change: { resource: resource(addr), action: "create" } });
const hook = (type: string, addr: string, action = "create") => ({ type, hook: { resource: resource(addr), action } });

test("progress counts containers and names what Terraform works on", () => {
  const progress = [
    planned("docker_container.gateway"),
    planned("docker_container.haproxy"),
    planned("docker_network.network"),
    { type: "change_summary", changes: { add: 3, change: 0, remove: 0 } },
    hook("apply_start", "docker_container.gateway"),
    hook("apply_complete", "docker_container.gateway"),
    hook("apply_start", "docker_container.haproxy"),
    hook("apply_start", "docker_network.network"),
  ].reduce(afterEvent, NO_PROGRESS);
  expect(progress.summary).toEqual({ add: 3, change: 0, destroy: 0 });
  expect(progressText(progress, "up")).toBe("1 of 2 containers up, waiting for haproxy");
  expect(progressText(progress, "stopped")).toBe("1 of 2 containers stopped, waiting for haproxy");
});

test.each([
  [{ add: 19, change: 0, destroy: 0 }, 17, "17 containers: 14 services, all up, and 3 jobs, all done"],
  [{ add: 1, change: 0, destroy: 1 }, 1, "1 of 17 containers changed; all 14 services are up"],
  [{ add: 0, change: 0, destroy: 0 }, 0, "nothing to change, all is as the fleet says"],
])("an apply that did %j is told in containers", (summary, changed, said) => {
  expect(deploySaid({ summary, changed }, { containers: 17, services: 14 })).toBe(said);
});

test("a replaced container is done when the new one is there, not when the old one is gone", () => {
  const events = [
    planned("docker_container.gateway"),
    { type: "change_summary", changes: { add: 1, change: 0, remove: 1 } },
    hook("apply_complete", "docker_container.gateway", "delete"),
  ];
  const gone = events.reduce(afterEvent, NO_PROGRESS);
  expect(gone.done).toEqual([]);
  expect(afterEvent(gone, hook("apply_complete", "docker_container.gateway")).done).toHaveLength(1);
});

test("a locked state names who holds it and since when", () => {
  const error = lockedError({ folder: "/checkout", env: {}, node: "node1" }, [
    {
      severity: "error",
      summary: "Error acquiring the state lock",
      detail:
        "resource temporarily unavailable\nLock Info:\n  ID:        5c1e\n  Path:      /state/node1.tfstate\n  Operation: OperationTypeApply\n  Who:       anna@host\n  Version:   1.11.4\n  Created:   2026-11-22 17:05:45.1234 +0000 UTC\n  Info:      \n",
    },
  ]);
  expect(error?.message).toContain("another run works on node1: anna@host, since 2026-11-22 17:05:45 UTC");
  expect(error?.message).not.toContain("force-unlock");
  expect(lockedError({ folder: "/checkout", env: {}, node: "node1" }, [])).toBeUndefined();
});

test("errors of init are told without their frame; an unreachable registry is told apart", () => {
  const output = `
╷
│ Error: Failed to query available provider packages
│
│ Could not retrieve the list of available versions for provider
│ kreuzwerker/docker: could not connect to registry.terraform.io: failed to
│ request discovery document: no such host
╵`;
  const [diagnostic] = parseInitErrors(output);
  expect(diagnostic?.summary).toBe("Failed to query available provider packages");
  expect(diagnostic?.detail).not.toContain("│");
  expect(isRegistryOutOfReach(new TerraformError("init", parseInitErrors(output)))).toBe(true);
  const constraint = {
    severity: "error",
    summary: "no available releases match the given constraints ~> 4.9",
  } as const;
  expect(isRegistryOutOfReach(new TerraformError("init", [constraint]))).toBe(false);
});

test.each([
  [
    "one that an older checkout wrote",
    "kreuzwerker/docker: locked provider registry.terraform.io/kreuzwerker/docker\n│ 4.5.0 does not match configured version constraint ~> 4.6; must use terraform\ninit -upgrade",
    true,
  ],
  [
    "one of a version that the mirror lost",
    "kreuzwerker/docker: the previously-selected version 4.5.0 is no longer\navailable",
    true,
  ],
  [
    // A program that is another one under the same version is for a person to judge.
    "one of another program",
    "the local package for registry.terraform.io/kreuzwerker/docker 4.6.0 doesn't\nmatch any of the checksums previously recorded in the dependency lock file",
    false,
  ],
])("Terraform's lock file is renewed when it is in the way: %s", (_, said, renewed) => {
  expect(wantsOtherProvider(`Error: Failed to query available provider packages\n\n${said}\n`)).toBe(renewed);
});

test("ids in a state are those of one type; an empty state has none", () => {
  const state = {
    resources: [
      { type: "docker_container", instances: [{ attributes: { id: "c1" } }, { attributes: null }] },
      { type: "docker_network", instances: [{ attributes: { id: "n1" } }] },
    ],
  };
  expect([...idsInState(JSON.stringify(state), "docker_container")]).toEqual(["c1"]);
  expect(idsInState("", "docker_container").size).toBe(0);
});

test.each([
  ["port is already allocated", "docker_container.haproxy", "fleet.ports"],
  ["Unable to read Docker image into resource", "docker_image.otelcol", "MIRADOR_IMAGES"],
  ["container failed to be in healthy state", "docker_container.prepare", "docker logs m-node1-prepare"],
])("%s comes with what to do", (summary, address, fix) => {
  const container = address.startsWith("docker_container") ? "m-node1-prepare" : undefined;
  expect(fixOf({ severity: "error", summary, address }, container)).toContain(fix);
});
