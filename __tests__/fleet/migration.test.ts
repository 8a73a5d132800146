import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { terraformEnvironment } from "../../cli/terraform";
import { MESH_PORT } from "../../lib/mesh/services";
import { makeCheckout } from "../e2e/support/checkout";
import { type Ended, start } from "../e2e/support/process";
import { emptyHosts } from "./support/deployed";
import { fleetOn } from "./support/fleets";
import { context, faults, rig } from "./support/shared-rig";

const NAME = "migrated";
const { nodes, name: _, retention: __, ...ofTheRig } = fleetOn(rig.hosts, NAME, context.metricsLayout);
const checkout = join(context.folder, NAME);
const envFiles = nodes.map(({ name }) => `.env.${name}`);

/** What `pki show --json` tells of the authority or of a node. */
interface Certificate {
  readonly who: string;
  readonly fingerprint: string;
  readonly issuer: string;
}

/** The command as the README has it, in a checkout that knows nothing but its own files. */
async function mirador(...args: readonly string[]): Promise<Ended> {
  const { imagesFile, terraformConfigFile } = context;
  const env = {
    ...terraformEnvironment(process.env, terraformConfigFile),
    ...{ MIRADOR_IMAGES: imagesFile, MIRADOR_FLEET: undefined, MIRADOR_STATE: undefined },
    ...{ CDKTF_OUTDIR: undefined, HAPROXY_STATS_PASS: undefined },
  };
  const ended = await start("npm", ["run", "--silent", "mirador", "--", ...args], { cwd: checkout, env }).ended;
  console.log(`fleet | mirador ${args.join(" ")}: status ${ended.status}\n${ended.output}`);
  return ended;
}

/** The predecessor's file of a node, as it lies on a compose host. */
function envText({ name, address }: (typeof nodes)[number]): string {
  return [
    "COMPOSE_PROJECT_NAME=observability",
    `NODE_NAME=${name}`,
    `NODE_IP=${address}`,
    ...nodes.map((node, index) => `NODE${index + 1}_IP=${node.address}`),
    "VM_RETENTION=30d",
    "VL_RETENTION=3d",
    "VT_RETENTION=2d",
    "HAPROXY_STATS_USER=operator",
    `HAPROXY_STATS_PASS=${context.statsPassword}`,
    "",
  ].join("\n");
}

async function shown(): Promise<{ readonly caChange: string; readonly certificates: readonly Certificate[] }> {
  const { status, output } = await mirador("pki", "show", "--json");
  expect(status).toBe(0);
  return JSON.parse(output);
}

/** What each node's balancer shows at the mesh's port, by the fingerprints that `openssl x509` would tell. */
async function served(): Promise<Readonly<Record<string, string>>> {
  const fingerprints = nodes.map(async ({ name, address: host }) => {
    const socket = connect({ host, port: MESH_PORT, servername: `${name}.mesh`, rejectUnauthorized: false });
    try {
      await once(socket, "secureConnect", { signal: AbortSignal.timeout(10_000) });
      return [name, socket.getPeerCertificate().fingerprint256] as const;
    } finally {
      socket.destroy();
    }
  });
  return Object.fromEntries(await Promise.all(fingerprints));
}

/** Each node of the files shows what is in its own. */
async function ofTheFiles(): Promise<Readonly<Record<string, string>>> {
  const { certificates } = await shown();
  return Object.fromEntries(
    certificates.filter(({ who }) => who !== "ca").map(({ who, fingerprint }) => [who, fingerprint]),
  );
}

async function upAndWell(...changed: readonly string[]): Promise<void> {
  const { status, output } = await mirador("up");
  expect({ status, output }).toMatchObject({
    status: 0,
    output: expect.stringContaining(`Changed: ${changed.join(", ")};`),
  });
}

describe(`three nodes from the files of a compose stack (${context.title})`, () => {
  const names = nodes.map(({ name }) => name);

  beforeAll(async () => {
    await faults.healAll();
    await emptyHosts();
    await makeCheckout(context.root, checkout);
    for (const [index, node] of nodes.entries())
      await writeFile(join(checkout, envFiles[index] ?? ""), envText(node), { mode: 0o600 });
  });

  afterAll(emptyHosts);

  test("init makes a fleet of them, with all that its first deploy needs", async () => {
    const engines = rig.hosts.flatMap(({ socket }, index) => ["--node", `${names[index]}@unix://${socket}`]);
    const { status, output } = await mirador("init", "--name", NAME, "--from-env", ...envFiles, ...engines);
    expect(status, output).toBe(0);
    expect(output).not.toContain(context.statsPassword);

    const text = await readFile(join(checkout, "fleet.ts"), "utf8");
    for (const file of envFiles) expect(text).toContain(`"${file}"`);
    expect(text).not.toContain(context.statsPassword);
    // As an operator would go on: what the files do not have.
    const own = JSON.stringify(ofTheRig).slice(1, -1);
    await writeFile(join(checkout, "fleet.ts"), text.replace("fromEnvFiles(files, {", `fromEnvFiles(files, { ${own},`));
    for (const file of ["ca.key", ...names.map((name) => `${name}.pem`)])
      expect((await stat(join(checkout, ".mirador", "pki", NAME, file))).mode & 0o777, file).toBe(0o600);
  });

  test("up deploys it; what each node takes is found at every node, and the old login holds", async () => {
    await upAndWell(...names);
    expect(await mirador("test")).toMatchObject({ status: 0 });
    const login = Buffer.from(`operator:${context.statsPassword}`).toString("base64");
    for (const { address } of nodes) {
      const page = await fetch(`http://${address}:8404/stats`, { headers: { authorization: `Basic ${login}` } });
      expect(page.status, address).toBe(200);
    }
  });

  test("pki renew gives a node another certificate, which the next up takes there", async () => {
    const before = await served();
    expect(before).toEqual(await ofTheFiles());
    expect(await mirador("pki", "renew", "node2")).toMatchObject({ status: 0 });
    expect(await served()).toEqual(before);
    await upAndWell("node2");
    const after = await served();
    expect(after).toEqual(await ofTheFiles());
    expect(names.filter((name) => after[name] !== before[name])).toEqual(["node2"]);
  });

  // Three deploys of three nodes, which the short run has no time for.
  test.runIf(context.full)("pki rotate-ca changes the authority in three steps, each taken there by up", async () => {
    const authorities = async () =>
      (await shown()).certificates.filter(({ who }) => who === "ca").map(({ fingerprint }) => fingerprint);
    const [old] = await authorities();
    for (const step of [[], ["--issue"], ["--finish"]]) {
      expect(await mirador("pki", "rotate-ca", ...step)).toMatchObject({ status: 0 });
      await upAndWell(...names);
      expect(await served()).toEqual(await ofTheFiles());
    }
    const { caChange, certificates } = await shown();
    expect(caChange).toBe("none");
    const [now, ...others] = await authorities();
    expect([now === old, others]).toEqual([false, []]);
    expect(new Set(certificates.map(({ issuer }) => issuer))).toEqual(new Set([now]));
    expect(await mirador("test")).toMatchObject({ status: 0 });
  });
});
