import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, ProblemError, planFleet } from "../lib";
import { ONE_NODE, secretsFor } from "./support/fleets";
import { afterTerraform, synthNode, textsOf } from "./support/synth";

const NODE = { name: "node1", address: "10.0.0.11" };
const IMAGE = { ref: "haproxy:3", version: "3.4.7" };
const withDocker = (docker: object) => ({ nodes: [{ ...NODE, docker }] });

/** Every text that a person can write into a fleet, by where it stands. */
const FIELDS: Readonly<Record<string, (text: string) => object>> = {
  name: (text) => ({ name: text }),
  "nodes.name": (text) => ({ nodes: [{ ...NODE, name: text }] }),
  "nodes.address": (text) => ({ nodes: [{ ...NODE, address: text }] }),
  "docker.socket": (text) => withDocker({ kind: "unix", socket: `/run/${text}` }),
  "docker.host": (text) => withDocker({ kind: "ssh", host: text }),
  "docker.user": (text) => withDocker({ kind: "ssh", host: "h", user: text }),
  "docker.identityFile": (text) => withDocker({ kind: "ssh", host: "h", identityFile: `/k/${text}` }),
  "docker.knownHostsFile": (text) => withDocker({ kind: "ssh", host: "h", knownHostsFile: `/k/${text}` }),
  "docker.tcp.host": (text) => withDocker({ kind: "tcp", host: text, certificatePath: "/c" }),
  "docker.certificatePath": (text) => withDocker({ kind: "tcp", host: "h", certificatePath: `/c/${text}` }),
  "docker.context": (text) => withDocker({ kind: "context", name: text }),
  retention: (text) => ({ retention: { metrics: text } }),
  "storagePaths.metrics": (text) => ({ storagePaths: { metrics: `/srv/${text}` } }),
  "storagePaths.traces": (text) => ({ storagePaths: { traces: `/srv/${text}` } }),
  "limits.memory": (text) => ({ limits: { gateway: { memory: text } } }),
  "queue.size": (text) => ({ queue: { size: text } }),
  minFreeDisk: (text) => ({ minFreeDisk: text }),
  "stats.user": (text) => ({ haproxy: { stats: { user: text } } }),
  "anomaly.metrics": (text) => ({ anomaly: { metrics: [text] } }),
  "images.ref": (text) => ({ images: { haproxy: { ...IMAGE, ref: text } } }),
  "images.version": (text) => ({ images: { haproxy: { ...IMAGE, version: text } } }),
  "backend.type": (text) => ({ backend: { type: text, config: {} } }),
  "backend.config": (text) => ({ backend: { type: "http", config: { address: `https://h/${text}` } } }),
};

const NASTY: readonly string[] = [
  "${env.HOME}",
  "%{ if true }x%{ endif }",
  "$${already}",
  "$$${twice}",
  "%%{already}",
  '"quoted"',
  "it's",
  "`touch pwned`",
  "$(touch pwned)",
  "back\\slash",
  "a b",
  "a,b",
  "#comment",
  "line\nbreak",
  "line\r\nbreak",
  "tab\t",
  "null\0",
  "\u001b[31mred",
  "\u009b31mred",
  "delete\u007f",
  "line\u2028separator",
  "größe",
  "e\u0301",
  "\u{1F511}",
  "\u202Eevil",
  "{{template}}",
  "{node}x{node}",
  "&&true",
  "../../etc",
];

/** What a Docker host, Terraform or HAProxy is given in the end, as each of them reads it. */
function arrivals(definition: object): readonly string[] {
  const fleet = defineFleet({ ...ONE_NODE, ...definition } as FleetDefinition);
  return planFleet(fleet, secretsFor(fleet)).nodes.flatMap((plan) => {
    const { terraform, provider, resource } = synthNode(plan);
    return textsOf([terraform.backend, provider, resource])
      .filter((text) => !/^container:\$\{docker_/.test(text))
      .map(afterTerraform);
  });
}

/** Fields whose text is free. What they take is passed on; what they refuse stands beside them. */
const PATH_REFUSED = /\p{Cc}|\p{Zl}|e\u0301/u;
const FOLDER_REFUSED = /\p{Cc}|,|\.\.\/|e\u0301/u;
const FREE: Readonly<Record<string, RegExp>> = {
  "docker.socket": FOLDER_REFUSED,
  "docker.identityFile": PATH_REFUSED,
  "docker.knownHostsFile": PATH_REFUSED,
  "docker.certificatePath": PATH_REFUSED,
  "storagePaths.metrics": FOLDER_REFUSED,
  "storagePaths.traces": FOLDER_REFUSED,
  "backend.config": /e\u0301/,
};
const OTHERS = Object.entries(FIELDS).filter(([field]) => !(field in FREE));

/** Problems in words that are safe to print on a terminal. */
function refusal(definition: object): string | undefined {
  try {
    defineFleet({ ...ONE_NODE, ...definition } as FleetDefinition);
    return undefined;
  } catch (error) {
    if (!ProblemError.is(error)) throw error;
    return error.message;
  }
}

describe.each(OTHERS)("%s", (_, definition) => {
  test.each(NASTY)("fails for %j", (text) => {
    expect(refusal(definition(text))?.replaceAll("\n", "")).toMatch(/^[^\p{Cc}\u202E]+$/u);
  });
});

describe.each(Object.entries(FREE))("%s", (field, refused) => {
  const definition = FIELDS[field] ?? expect.fail();

  test.each(NASTY.filter((text) => refused.test(text)))("fails for %j", (text) => {
    expect(refusal(definition(text))?.replaceAll("\n", "")).toMatch(/^[^\p{Cc}\u202E]+$/u);
  });

  test("takes everything else, and it arrives byte for byte", () => {
    const taken = NASTY.filter((text) => !refused.test(text));
    expect(taken.length).toBeGreaterThan(12);
    for (const text of taken) expect(refusal(definition(text)), JSON.stringify(text)).toBeUndefined();
    const all = taken.join("-");
    const expected = field === "backend.config" ? all.replaceAll("{node}", "node1") : all;
    expect(arrivals(definition(all)).filter((text) => text.includes(expected))).not.toEqual([]);
  });
});
