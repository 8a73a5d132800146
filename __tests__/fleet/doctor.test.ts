import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../cli/doctor/check";
import type { FleetDefinition, NodeDefinition } from "../../lib";
import { start } from "../e2e/support/process";
import { useFleet } from "./support/deployed";
import { inNamespace } from "./support/network";
import { context } from "./support/shared-rig";

describe(`doctor on three nodes (${context.title})`, () => {
  const { stack } = useFleet();
  const nodes = (): NodeDefinition[] => stack.fleet.nodes.map((node) => ({ ...node }));
  const [first, second, third] = [0, 1, 2];

  async function examined(
    change: FleetDefinition,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly status: number | null; readonly checks: readonly Check[] }> {
    const { status, output } = await stack.miradorAs(change, environment, "doctor", "--json");
    return { status, checks: JSON.parse(output.slice(output.indexOf("{\n"))).checks };
  }

  /** But for what the definition itself says: three nodes share a disk here, so that it leaves less free than it should. */
  const wrong = (checks: readonly Check[]) =>
    checks.flatMap(({ of, what, state, errors, warnings }) =>
      [...errors, ...warnings]
        .filter(({ code }) => code !== "fleet/note")
        .map(({ code }) => ({ of, what, state, code })),
    );

  /** The engine of a node, at a socket of its own, with a word of it changed. */
  async function engineBehind(index: number, change: (info: Record<string, unknown>) => void): Promise<NodeDefinition> {
    const node = nodes()[index];
    if (node?.docker?.kind !== "unix") throw new Error("the rig's engines listen on sockets");
    const { socket = "" } = node.docker;
    const folder = await mkdtemp(join(tmpdir(), "mirador-engine-"));
    const path = join(folder, "docker.sock");
    const server = createServer((incoming, outgoing) => {
      const { url = "", method, headers } = incoming;
      const inner = request({ socketPath: socket, path: url, method, headers }, (answer) => {
        if (!url.endsWith("/info")) {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
          return;
        }
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => {
          const info = JSON.parse(Buffer.concat(chunks).toString());
          change(info);
          outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(info));
        });
      });
      inner.once("error", () => outgoing.destroy());
      incoming.pipe(inner);
    });
    await new Promise<void>((done) => server.listen(path, done));
    onTestFinished(async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    });
    return { ...node, docker: { kind: "unix", socket: path } };
  }

  function withNode(index: number, node: Partial<NodeDefinition>): NodeDefinition[] {
    return nodes().map((own, at) => (at === index ? { ...own, ...node } : own));
  }

  test("finds nothing wrong with good hosts", async () => {
    const { status, output } = await stack.mirador("doctor");
    expect(status).toBe(0);
    expect(output).toMatch(/^ok +this machine +Docker provider +found$/m);
    for (const node of stack.nodes) {
      for (const what of ["engine", "memory", "images", "address", "ports", "data", "disk", "open files"])
        expect(output, `${node} ${what}`).toMatch(new RegExp(`^ok +${node} +${what} +\\S`, "m"));
    }
    for (const what of ["clocks", "engines", "nodes taken out", "mesh"])
      expect(output, what).toMatch(new RegExp(`^ok +fleet +${what} +\\S`, "m"));
    expect(output).not.toMatch(/^error /m);
    expect(output.match(/^warning .*$/gm)?.filter((line) => !line.includes("fleet/note"))).toEqual([]);
  });

  // Each is planted where it would be in life; a fault of the definition is one that only the hosts can show.
  test("names an engine that does not answer, and goes on with the others", async () => {
    const docker = { kind: "unix", socket: "/run/mirador-rig/nobody.sock" } as const;
    const { status, checks } = await examined({ nodes: withNode(second, { docker }) });
    expect(status).toBe(1);
    expect(wrong(checks)).toEqual([
      { of: "node2", what: "engine", state: "error", code: "machine/engine-unreachable" },
    ]);
    expect(checks).toContainEqual(expect.objectContaining({ of: "node3", what: "disk", state: "ok" }));
  });

  test("names two nodes on one engine", async () => {
    const { docker } = await engineBehind(first, () => undefined);
    const { status, checks } = await examined({ nodes: withNode(third, { docker: docker ?? { kind: "unix" } }) });
    expect(status).toBe(1);
    expect(wrong(checks)).toContainEqual({
      ...{ of: "fleet", what: "engines", state: "error", code: "machine/engine-shared" },
    });
  });

  test("names a clock that is two minutes ahead", async () => {
    const node = await engineBehind(second, (info) => {
      info.SystemTime = new Date(Date.now() + 120_000).toISOString();
    });
    const { status, checks } = await examined({ nodes: withNode(second, node) });
    expect(status).toBe(0);
    expect(wrong(checks)).toEqual([{ of: "fleet", what: "clocks", state: "warning", code: "clock/skew" }]);
  });

  test("names an engine that is too old", async () => {
    const node = await engineBehind(third, (info) => {
      info.ServerVersion = "19.03.15";
    });
    const { status, checks } = await examined({ nodes: withNode(third, node) });
    expect(status).toBe(1);
    expect(wrong(checks)).toEqual([{ of: "node3", what: "engine", state: "error", code: "machine/engine-too-old" }]);
  });

  test("names memory that is promised twice", async () => {
    const { status, checks } = await examined({ limits: { gateway: { memory: "512GiB" } } });
    expect(status).toBe(0);
    expect(wrong(checks)).toEqual(
      stack.nodes.map((of) => ({ of, what: "memory", state: "warning", code: "machine/memory-short" })),
    );
  });

  test("names a disk that is too small for the queues", async () => {
    const { status, checks } = await examined({ queue: { size: "64GiB" } });
    expect(status).toBe(1);
    for (const of of stack.nodes)
      expect(wrong(checks)).toContainEqual({ of, what: "disk", state: "error", code: "machine/disk-short" });
  });

  test("names an image that is not there", async () => {
    const { status, checks } = await examined(
      { images: { otelcol: { ref: "nowhere.invalid/otelcol:0.158.0", version: "0.158.0" } } },
      { MIRADOR_IMAGES: await withoutCollector() },
    );
    expect(status).toBe(0);
    expect(wrong(checks)).toEqual(
      stack.nodes.map((of) => ({ of, what: "images", state: "warning", code: "image/not-here" })),
    );
  });

  test("names a port that somebody has", async () => {
    await listenOn("node2", 18_404);
    const { status, checks } = await examined({ ports: { stats: 18_404 } });
    expect(status).toBe(1);
    expect(wrong(checks)).toEqual([{ of: "node2", what: "ports", state: "error", code: "machine/port-taken" }]);
  });

  test("names who speaks plain text at the mesh's port", async () => {
    await listenOn("node2", 17_443);
    const { status, checks } = await examined({ mesh: { port: 17_443 } });
    expect(status).toBe(1);
    expect(wrong(checks)).toContainEqual({
      ...{ of: "fleet", what: "mesh", state: "error", code: "mesh/peer-plain-text" },
    });
  });

  test("names data of the other group, after nodes were reordered", async () => {
    const [one, two, three] = nodes();
    const { status, checks } = await examined({ nodes: [two, one, three].flatMap((node) => node ?? []) });
    expect(status).toBe(1);
    for (const of of ["node1", "node2"])
      expect(wrong(checks)).toContainEqual({ of, what: "data", state: "error", code: "data/other-group" });
  });

  test("names a node that was taken out, with its part of the data", async () => {
    const { status, checks } = await examined({ nodes: nodes().slice(0, 2) });
    expect(status).toBe(1);
    expect(wrong(checks)).toContainEqual({
      ...{ of: "fleet", what: "nodes taken out", state: "error", code: "fleet/node-taken-out" },
    });
  });

  test("names a password that others can read", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mirador-secret-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, "correct horse battery staple\n");
    await chmod(passwordFile, 0o644);
    const { status, checks } = await examined({ haproxy: { stats: { passwordFile } } });
    expect(status).toBe(1);
    expect(wrong(checks)).toEqual([
      { of: "fleet", what: "secrets and certificates", state: "error", code: "secret/readable-by-others" },
    ]);
    // The hosts are looked at all the same.
    expect(checks).toContainEqual(expect.objectContaining({ of: "node3", what: "disk", state: "ok" }));
  });

  test("names Terraform that is not there, and a provider that it cannot find", async () => {
    const missing = await examined({}, { TERRAFORM_BINARY_NAME: "/nowhere/terraform" });
    expect(missing.status).toBe(1);
    expect(wrong(missing.checks)).toContainEqual({
      ...{ of: "this machine", what: "Terraform", state: "error", code: "machine/terraform-missing" },
    });
    const folder = await mkdtemp(join(tmpdir(), "mirador-mirror-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "terraformrc");
    await writeFile(file, `provider_installation {\n  filesystem_mirror {\n    path = "${folder}"\n  }\n}\n`);
    const unprovided = await examined({}, { TF_CLI_CONFIG_FILE: file });
    expect(unprovided.status).toBe(1);
    expect(wrong(unprovided.checks)).toEqual([
      { of: "this machine", what: "Docker provider", state: "error", code: "machine/provider-missing" },
    ]);
  });

  /** Something of the host's own that has nothing to do with us: it speaks HTTP. */
  async function listenOn(node: string, port: number): Promise<void> {
    const program = `require("node:http").createServer((_, answer) => answer.end("hello")).listen(${port}, () => console.log("listening"))`;
    const started = start("nsenter", inNamespace(stack.host(node).spec.namespace, process.execPath, "-e", program), {
      ...{ cwd: context.root, env: {} },
    });
    onTestFinished(() => void started.process.kill("SIGKILL"));
    await started.seen("listening");
  }

  /** What names images for all tests, but for the collector. */
  async function withoutCollector(): Promise<string> {
    const { imagesFile } = context;
    const folder = await mkdtemp(join(tmpdir(), "mirador-images-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const images = imagesFile === undefined ? {} : JSON.parse(await readFile(imagesFile, "utf8"));
    const { otelcol: _, ...others } = images;
    const file = join(folder, "images.json");
    await writeFile(file, JSON.stringify(others));
    return file;
  }
});
