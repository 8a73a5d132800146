import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { askedChoice, tellFleet } from "../../cli/demo-context";
import { demoDown } from "../../cli/demo-down";
import { ENV_FILE, writeEnvFile } from "../../cli/env-file";
import { deployedStacks } from "../../cli/last-stack";
import { Progress } from "../../cli/progress";
import type { Session } from "../../cli/session";
import { ROOT, temporaryFolder } from "../support/folders";

let engine: Server | undefined;
afterEach(() => engine?.close());

const VOLUMES = ["metrics", "queue"].map((data) => `mirador_node1-${data}-data`);

/** An engine on which only the node's volumes are left; tells which were removed. */
async function startEngine(socket: string): Promise<readonly string[]> {
  const removed: string[] = [];
  engine = createServer(({ url = "", method }, response) => {
    if (method === "DELETE" && url.startsWith("/volumes/")) removed.push(url.split("/").at(-1) ?? "");
    const left = VOLUMES.map((Name) => ({ Name }));
    const answer = url.startsWith("/volumes")
      ? { Volumes: left }
      : url.startsWith("/version")
        ? { Version: "20.10" }
        : [];
    response.setHeader("content-type", "application/json");
    response.statusCode = method === "DELETE" ? 204 : 200;
    response.end(method === "DELETE" ? "" : JSON.stringify(answer));
  });
  await new Promise<void>((done) => engine?.listen(socket, done));
  return removed;
}

/** Terraform that writes down what it is asked. */
const TERRAFORM = `#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
case "$*" in
  version*) echo '{ "terraform_version": "1.11.4" }' ;;
  *" state pull") echo '{}' ;;
esac
`;

function session(folder: string, environment: Readonly<Record<string, string>> = {}) {
  let told = "";
  const out = { write: (text: string) => (told += text) };
  const { PATH = "", HOME = "" } = process.env;
  const context: Session = {
    folder,
    environment: { PATH, HOME, TERRAFORM_BINARY_NAME: join(folder, "terraform"), ...environment },
    progress: new Progress({ out, environment: {} }),
    interrupt: new AbortController().signal,
  };
  return { context, told: () => told };
}

/** A stack as a synthesis leaves it, with a state that says that it was deployed. */
function writeStack(
  folder: string,
  node: string,
  { socket = "/run/none.sock", resources = [{}] as object[] } = {},
): void {
  const state = join(folder, ".mirador/state", `${node}.tfstate`);
  const labels = Object.entries({ "mirador.fleet": "mirador", "mirador.node": node }).map(([label, value]) => ({
    label,
    value,
  }));
  const stack = {
    terraform: { backend: { local: { path: state } } },
    provider: { docker: [{ host: `unix://${socket}` }] },
    resource: {
      docker_network: { network: { labels } },
      docker_container: { prepare: { volumes: [{ host_path: "/srv/logs" }, { volume_name: "x" }] } },
    },
  };
  mkdirSync(join(folder, "cdktf.out/stacks", node), { recursive: true });
  mkdirSync(join(folder, ".mirador/state"), { recursive: true });
  writeFileSync(join(folder, "cdktf.out/stacks", node, "cdk.tf.json"), JSON.stringify(stack));
  writeFileSync(state, JSON.stringify({ resources }));
}

async function brokenCheckout() {
  const folder = temporaryFolder({ "fleet.ts": "export default {{;\n" });
  writeFileSync(join(folder, "terraform"), TERRAFORM, { mode: 0o700 });
  const socket = join(folder, "docker.sock");
  const removed = await startEngine(socket);
  return { folder, socket, removed, asked: () => readFileSync(join(folder, "asked"), "utf8") };
}

describe("a fleet that cannot be read", () => {
  test("does not keep the node that was deployed from here", async () => {
    const { folder, socket, asked } = await brokenCheckout();
    writeStack(folder, "node1", { socket });
    const { context, told } = session(folder);
    await demoDown(context, { clean: false });
    expect(asked()).toMatch(/cdktf\.out\/stacks\/node1 apply -destroy/);
    expect(told()).toMatch(/fleet +fleet\.ts cannot be used: /);
    expect(told()).toContain("node1 of mirador, by its stack and state");
    expect(told()).toContain("/srv/logs");
  });

  test("keeps the data even from --clean, and says how to remove it", async () => {
    const { folder, socket, removed } = await brokenCheckout();
    writeStack(folder, "node1", { socket });
    const { context, told } = session(folder);
    await demoDown(context, { clean: true });
    expect(removed).toEqual([]);
    expect(told().replaceAll(/\s+/g, " ")).toContain(`docker volume rm ${VOLUMES.join(" ")}`);
  });

  test.each([
    [[], "no stack that was deployed from here is left", "mirador.fleet=<fleet>"],
    [["node1", "node2"], "node1 of mirador, node2 of mirador were deployed from here", "mirador.node=node2"],
  ])("fails with the commands when %j were deployed from here", async (nodes, found, command) => {
    const { folder, socket } = await brokenCheckout();
    for (const node of nodes) writeStack(folder, node, { socket });
    const failure = await demoDown(session(folder).context, { clean: false }).catch((error: Error) => error.message);
    expect(failure).toContain("error demo/node-unknown");
    expect(failure).toContain("error fleet/module");
    expect(failure).toContain(found);
    expect(failure).toContain(command);
    expect(existsSync(join(folder, "asked"))).toBe(false);
  });
});

test("a stack that was only written, or whose engine the demo cannot reach, was not deployed by it", () => {
  const folder = temporaryFolder();
  writeStack(folder, "written", { resources: [] });
  writeStack(folder, "here", { socket: "/run/docker.sock" });
  const path = join(folder, "cdktf.out/stacks/here/cdk.tf.json");
  expect(deployedStacks(folder, {})).toEqual([
    { fleet: "mirador", node: "here", docker: { kind: "unix", socket: "/run/docker.sock" }, folders: ["/srv/logs"] },
  ]);
  writeFileSync(path, readFileSync(path, "utf8").replace("unix:///run/docker.sock", "ssh://root@10.0.0.11:22"));
  expect(deployedStacks(folder, {})).toEqual([]);
});

describe("the fleet of the demo", () => {
  const told = (environment: Readonly<Record<string, string>>, remembered?: string, dotenv = "") => {
    const folder = temporaryFolder({ "other.ts": "", "fleet.ts": "", ".env": dotenv });
    if (remembered !== undefined) writeEnvFile(folder, { MIRADOR_FLEET: remembered });
    const { context, told: text } = session(folder, environment);
    tellFleet(context, askedChoice(context));
    return text().replaceAll(/\s+/g, " ");
  };

  test("is told when it was remembered, and how to forget it", () => {
    const text = told({}, "other.ts");
    expect(text).toContain(`fleet other.ts, which the last demo had (${ENV_FILE})`);
    expect(text).toContain("MIRADOR_FLEET=fleet.ts before the same command");
    expect(text).toContain(`to forget: rm ${ENV_FILE}`);
  });

  test("is told when a variable names it, and where that stands", () => {
    expect(told({ MIRADOR_FLEET: "other.ts" }, "third.ts")).toContain("other.ts, by MIRADOR_FLEET of the environment");
    expect(told({}, undefined, "MIRADOR_FLEET=other.ts\n")).toContain("other.ts, by MIRADOR_FLEET of .env");
  });

  test("is no news when it is fleet.ts", () => {
    expect(told({})).toBe("");
    expect(told({ MIRADOR_FLEET: "./fleet.ts" }, "other.ts")).toBe("");
  });
});

test("--clean says that it forgets what the last demo had", async () => {
  const { folder, socket, removed } = await brokenCheckout();
  const node = { name: "node1", address: "127.0.0.1", docker: { kind: "unix", socket } };
  writeFileSync(join(folder, "other.mjs"), `export default ${JSON.stringify({ nodes: [node] })};`);
  for (const shared of ["main.ts", "node_modules"]) symlinkSync(join(ROOT, shared), join(folder, shared));
  writeEnvFile(folder, { MIRADOR_FLEET: "other.mjs" });
  const { context, told } = session(folder);
  await demoDown(context, { clean: true });
  expect(removed).toEqual(VOLUMES);
  expect(told()).toContain(`removed ${ENV_FILE}: the next demo begins with fleet.ts again`);
  expect(existsSync(join(folder, ENV_FILE))).toBe(false);
});
