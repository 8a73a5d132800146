import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../images/shell";
import { removeFleet } from "./support/engine";
import { weatherFleet } from "./support/fleets";
import { imagesWith } from "./support/images";
import { status } from "./support/query";
import { context } from "./support/shared-stack";
import { NO_CHANGE, Stack } from "./support/stack";
import { say } from "./support/summary";

const stack = new Stack(context, weatherFleet(context.metricsLayout));

describe(`a deploy that something comes between (${context.title})`, () => {
  beforeEach(() => stack.forget());
  afterAll(() => removeFleet(stack.fleet.name));

  test("fails with the port when somebody has it, and a rerun completes", async () => {
    const port = stack.fleet.ports.metricsSelect;
    const squatter = createServer().listen(port, "127.0.0.1");
    await once(squatter, "listening");
    expect(await stack.failToApply()).toContain(`127.0.0.1:${port}`);
    squatter.close();
    await expectRerunCompletes();
  });

  test("fails with the image when it cannot be had, and a rerun completes", async () => {
    const ref = "localhost:9/absent:1.0.0";
    const imagesFile = await imagesWith(context, { otelcol: { ref, version: "0.158.0" } });
    expect(await new Stack({ ...context, imagesFile }, stack.fleet).failToApply()).toContain(ref);
    await expectRerunCompletes();
  });

  test("fails with the socket of an engine that is not there", async () => {
    const socket = join(context.folder, "nothing.sock");
    const began = performance.now();
    expect(await stack.failToApply({ nodes: nodeAt({ kind: "unix", socket }) })).toContain(socket);
    say("engine away", `named error after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  });

  test("fails with the host of an engine that refuses", async () => {
    const certificatePath = await certificates();
    const engine = { kind: "tcp", host: "127.0.0.1", port: 9, certificatePath } as const;
    const began = performance.now();
    expect(await stack.failToApply({ nodes: nodeAt(engine) })).toContain("127.0.0.1:9");
    say("engine refuses", `named error after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  });

  test("ends cleanly at SIGINT, and a rerun completes", async () => {
    const apply = await stack.startApply();
    await apply.seen("docker_container.gateway: Creating...");
    apply.process.kill("SIGINT");
    const { status: code, output } = await apply.ended;
    expect(code, output).toBe(1);
    expect(output).toContain("Interrupt received");
    // A container that was being created when the interrupt came may be on the engine and not in the state.
    say("interrupted apply", `${await stack.removeOrphans()} containers that Terraform did not know`);
    await expectRerunCompletes();
  });

  test("is killed with -9, and a rerun completes once the orphans are removed", async () => {
    const apply = await stack.startApply();
    // The engine has it, and Terraform knows it when it is healthy.
    const made = () =>
      stack
        .container("gateway")
        .inspect()
        .then(Boolean, () => false);
    await expect.poll(made, { timeout: 60_000, interval: 20 }).toBe(true);
    apply.process.kill("SIGKILL");
    await apply.ended;
    // The provider finishes what it had asked of the engine, and ends by itself.
    await sleep(5_000);
    const removed = await stack.removeOrphans();
    say("killed apply", `${removed} containers that Terraform did not know`);
    expect(removed).toBeGreaterThan(0);
    await expectRerunCompletes();
  });

  test("is refused while another one runs, which completes", async () => {
    const first = await stack.startApply();
    await first.seen("Creating...");
    const second = await stack.startApplyOfSame().ended;
    expect(second.status, second.output).toBe(1);
    expect(second.output).toContain("Error acquiring the state lock");
    const { status: code, output } = await first.ended;
    expect(code, output).toBe(0);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });
});

async function expectRerunCompletes(): Promise<void> {
  await stack.apply();
  expect(await status(stack.url("stats", "/readyz"))).toBe(200);
  expect(await stack.plan()).toEqual(NO_CHANGE);
}

type Nodes = typeof stack.fleet.nodes;

function nodeAt(docker: NonNullable<Nodes[number]["docker"]>): Nodes {
  return stack.fleet.nodes.map((node) => ({ ...node, docker }));
}

/** Certificates that are well formed; whom they belong to does not matter when nobody answers. */
async function certificates(): Promise<string> {
  const folder = join(context.folder, "certificates");
  await mkdir(folder, { recursive: true });
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  await run("openssl", [...made, "-subj", "/CN=nobody", "-keyout", key, "-out", certificate]);
  await writeFile(join(folder, "ca.pem"), await run("openssl", ["x509", "-in", certificate]));
  return folder;
}
