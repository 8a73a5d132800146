import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { VolumeInspectInfo } from "dockerode";
import { describe, expect, onTestFinished, test } from "vitest";
import { routeTo } from "../../../cli/engine-route";
import { contextTarget } from "../../../cli/up/docker-context";
import { type EngineVolumes, reachEngine, sharedEngines } from "../../../cli/up/engines";
import { sshArguments } from "../../../cli/up/ssh-agent";
import type { DockerDefinition } from "../../../lib";
import { temporaryFolder } from "../../support/folders";

/** As much of an engine as is asked here, behind a socket. */
async function engine(aheadSeconds: number): Promise<string> {
  const socket = join(temporaryFolder(), "docker.sock");
  const server: Server = createServer((_, response) => {
    const SystemTime = new Date(Date.now() + aheadSeconds * 1000).toISOString();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ ID: "id-1", ServerVersion: "20.10.24", SystemTime }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return socket;
}

const question = (docker: DockerDefinition) => ({
  node: { name: "node1", docker },
  where: "fleet.nodes[0]",
  route: () => routeTo(docker, {}),
});

test("an engine that answers is known by its id and by how far its clock is off", async () => {
  const found = await reachEngine(question({ kind: "unix", socket: await engine(90) }));
  expect(found).toMatchObject({ node: "node1", id: "id-1", version: "20.10.24" });
  if (!("aheadSeconds" in found)) throw new Error(found.what);
  expect(found.aheadSeconds).toBeGreaterThan(85);
  expect(found.aheadSeconds).toBeLessThan(95);
});

describe("fails for an engine that does not answer, with its address and a command to try", () => {
  test.each<[string, DockerDefinition, RegExp]>([
    [
      "a socket",
      { kind: "unix", socket: "/nowhere/docker.sock" },
      /docker -H unix:\/\/\/nowhere\/docker\.sock version/,
    ],
    [
      "certificates that are not there",
      { kind: "tcp", host: "h", certificatePath: "/none" },
      /--tlscacert \/none\/ca.pem/,
    ],
    ["no such context", { kind: "context", name: "nope" }, /docker --context nope version/],
  ])("%s", async (_, docker, fix) => {
    const trouble = await reachEngine(question(docker));
    expect(trouble).toMatchObject({ code: "machine/engine-unreachable", where: "fleet.nodes[0].docker" });
    if (!("fix" in trouble)) throw new Error("an engine answered");
    expect(trouble.fix).toMatch(fix);
  });
});

describe("over ssh", () => {
  const ssh = { kind: "ssh", host: "far", user: "deploy", port: 2222, identityFile: "/k/id" } as const;

  test("unknown hosts are refused, and nobody is asked for a password", () => {
    const text = sshArguments(ssh).join(" ");
    expect(text).toBe(
      "-i /k/id -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -l deploy -p 2222 -- far docker system dial-stdio",
    );
  });

  /** A program in place of ssh, first on the PATH. */
  function withSsh(script: string): void {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "ssh"), `#!${process.execPath}\n${script}\n`);
    chmodSync(join(folder, "ssh"), 0o755);
    const { PATH } = process.env;
    process.env.PATH = `${folder}:${PATH}`;
    onTestFinished(() => {
      process.env.PATH = PATH;
    });
  }

  test("the engine is asked through the program's input and output", async () => {
    const socket = await engine(0);
    const args = join(temporaryFolder(), "args");
    withSsh(`require("fs").writeFileSync(${JSON.stringify(args)}, process.argv.slice(2).join(" "));
      const engine = require("net").connect(${JSON.stringify(socket)});
      process.stdin.pipe(engine).pipe(process.stdout);`);
    expect(await reachEngine(question(ssh))).toMatchObject({ id: "id-1", address: "ssh://deploy@far:2222" });
    expect(readFileSync(args, "utf8")).toBe(sshArguments(ssh).join(" "));
  });

  test("fails with what ssh said", async () => {
    withSsh(`process.stderr.write("Host key verification failed.\\n"); process.exit(255);`);
    const trouble = await reachEngine(question(ssh));
    expect(trouble).toMatchObject({
      what: "no Docker engine answers for node1 at ssh://deploy@far:2222: ssh ended with 255: Host key verification failed.",
      fix: expect.stringContaining("ssh -o BatchMode=yes -p 2222 deploy@far docker version"),
    });
  });
});

test("a context leads where the docker CLI would go", () => {
  const meta = `contexts/meta/${createHash("sha256").update("far").digest("hex")}/meta.json`;
  const home = (Host: string) => temporaryFolder({ [meta]: JSON.stringify({ Endpoints: { docker: { Host } } }) });
  const target = (host: string) => contextTarget("far", { DOCKER_CONFIG: home(host) });
  expect(target("ssh://deploy@far:2222")).toEqual({ kind: "ssh", host: "far", user: "deploy", port: 2222 });
  expect(target("unix:///run/d.sock")).toEqual({ kind: "unix", socket: "/run/d.sock" });
  expect(() => target("tcp://far:2375")).toThrow("tcp with certificates");
  expect(contextTarget("default", {})).toEqual({ kind: "unix" });
});

describe("nodes that share an engine", () => {
  /** Volumes of one engine, by whichever address it is reached. */
  function volumes(left: readonly VolumeInspectInfo[] = []): {
    readonly client: EngineVolumes;
    readonly names: Set<string>;
  } {
    const names = new Set(left.map(({ Name }) => Name));
    const client = {
      createVolume: async ({ Name }: { readonly Name: string }) => {
        names.add(Name);
      },
      listVolumes: async ({ filters }: { readonly filters: { readonly label: readonly string[] } }) => ({
        Volumes: left.filter(({ Labels }) => filters.label.every((label) => label in Labels)),
      }),
      getVolume: (name: string) => ({
        inspect: async () => {
          if (!names.has(name)) throw Object.assign(new Error("no such volume"), { statusCode: 404 });
        },
        remove: async () => {
          names.delete(name);
        },
      }),
    };
    return { client: client as unknown as EngineVolumes, names };
  }
  const at = (node: string, id: string, { client }: ReturnType<typeof volumes>) => ({
    ...{ node, id, client, address: `tcp://${node}`, where: `fleet.${node}` },
  });

  test("fails with the names of both, and leaves nothing behind", async () => {
    const [one, two] = [volumes(), volumes()];
    const found = await sharedEngines([at("node1", "x", one), at("node2", "y", two), at("node3", "x", one)]);
    expect(found).toMatchObject([
      {
        code: "machine/engine-shared",
        what: "node1 (tcp://node1) and node3 (tcp://node3) are deployed to one engine",
        where: "fleet.node1.docker, fleet.node3.docker",
      },
    ]);
    expect([...one.names, ...two.names]).toEqual([]);
  });

  test("cloned machines, whose engines have one id, share none", async () => {
    const engines = [volumes(), volumes(), volumes()];
    expect(await sharedEngines(engines.map((own, index) => at(`node${index}`, "x", own)))).toEqual([]);
    expect(engines.flatMap(({ names }) => [...names])).toEqual([]);
  });

  test("what a run left that was killed is removed, and what another run is at is not", async () => {
    const volume = (Name: string, minutes: number) =>
      ({ Name, Labels: { "mirador.look.volume": `${Date.now() - minutes * 60_000}` } }) as unknown as VolumeInspectInfo;
    const data = { Name: "data", Labels: {} } as unknown as VolumeInspectInfo;
    const engine = volumes([volume("old", 6), volume("young", 1), data]);
    expect(await sharedEngines([at("node1", "x", engine)])).toEqual([]);
    expect([...engine.names]).toEqual(["young", "data"]);
  });

  test("an engine that fails meanwhile is named, and the others are told of all the same", async () => {
    const one = volumes();
    const dying = { listVolumes: () => Promise.reject(new Error("socket hang up")) } as unknown as EngineVolumes;
    const found = await sharedEngines([
      { ...at("node1", "y", one), client: dying },
      at("node2", "x", one),
      at("node3", "x", one),
    ]);
    expect(found).toMatchObject([
      { code: "machine/engine-lost", what: "the Docker engine of node1 answered, and then failed: socket hang up" },
      { code: "machine/engine-shared", what: expect.stringContaining("node2 (tcp://node2) and node3") },
    ]);
  });
});
