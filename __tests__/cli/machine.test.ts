import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { demoFleetNote, readEnvFile, renderEnvFile, writeEnvFile } from "../../cli/env-file";
import { checkNode, checkTerraform, nodeEngine, portTroubles } from "../../cli/machine";
import { fleetLock, holdingLock } from "../../cli/run-lock";
import { ensureStatsPassword } from "../../cli/secrets";

const folder = (): string => mkdtempSync(join(tmpdir(), "mirador-"));
const answer = (version: string) => async () => JSON.stringify({ terraform_version: version });

test("an old Node.js is refused with the fix", () => {
  expect(checkNode("20.19.0")).toBe("20.19.0");
  expect(() => checkNode("18.20.1")).toThrow(/Node\.js 18\.20\.1[\s\S]*fix +install/);
});

test("a missing or old Terraform is refused with the fix", async () => {
  expect(await checkTerraform({}, answer("1.5.0"))).toBe("1.5.0");
  await expect(checkTerraform({}, answer("1.4.7"))).rejects.toThrow(/terraform is version 1\.4\.7/);
  const absent = () => Promise.reject(Object.assign(new Error("spawn"), { code: "ENOENT" }));
  await expect(checkTerraform({}, absent)).rejects.toThrow(/terraform is not on the PATH[\s\S]*fix +install Terraform/);
});

test("an engine that does not answer is named", async () => {
  const node = { name: "node1", docker: { kind: "unix", socket: "/nowhere/docker.sock" } } as const;
  await expect(nodeEngine(node, () => undefined)).rejects.toThrow("unix:///nowhere/docker.sock");
});

test("an engine behind ssh is left to cdktf", async () => {
  const node = { name: "node1", docker: { kind: "ssh", host: "far" } } as const;
  await expect(nodeEngine(node, () => undefined)).rejects.toThrow("npx cdktf deploy node1");
});

const ABOUT = { name: "node1", where: "fleet.nodes[0]" };
const PORT = { name: "otlpHttp", address: "127.0.0.1", port: 4318 } as const;

test("a taken port names itself, its holder and the key of the fleet", async () => {
  const holders = [{ container: "other", ports: [4318] }];
  const [trouble] = await portTroubles([PORT], "mirador_node1-haproxy", holders, async () => "EADDRINUSE", ABOUT);
  expect(trouble).toMatchObject({ code: "machine/port-taken", where: "fleet.ports.otlpHttp" });
  expect(trouble?.what).toContain("port 4318 on 127.0.0.1 of node1 is taken by the container other");
});

test("on another host a taken port names its node, and the mesh port its own key", async () => {
  const mesh = { name: "mesh", address: "10.0.0.12", port: 7443 } as const;
  const about = { name: "node2", where: "fleet.nodes[1]" };
  const [trouble] = await portTroubles([mesh], "f_node2-haproxy", [], async () => "EADDRINUSE", about);
  expect(trouble).toMatchObject({ code: "machine/port-taken", where: "fleet.mesh.port" });
  expect(trouble?.what).toContain("port 7443 on 10.0.0.12 of node2 is taken, and the mesh between the nodes needs it");
  const [address] = await portTroubles([mesh], "f_node2-haproxy", [], async () => "EADDRNOTAVAIL", about);
  expect(address).toMatchObject({ where: "fleet.nodes[1].address", what: expect.stringContaining("host of node2") });
});

test("a port that our own HAProxy holds is fine, and so is one that only root may try", async () => {
  const own = [{ container: "mirador_node1-haproxy", ports: [4318] }];
  expect(await portTroubles([PORT], "mirador_node1-haproxy", own, async () => "EADDRINUSE", ABOUT)).toEqual([]);
  expect(await portTroubles([PORT], "mirador_node1-haproxy", [], async () => "EACCES", ABOUT)).toEqual([]);
});

test("an address of another machine is told once, not for each port", async () => {
  const troubles = await portTroubles([PORT, PORT], "x", [], async () => "EADDRNOTAVAIL", ABOUT);
  expect(troubles).toMatchObject([{ where: "fleet.nodes[0].address" }]);
});

test("a password is generated once, for its owner only", () => {
  const checkout = folder();
  expect(ensureStatsPassword(checkout, {}).made).toBe(true);
  const file = join(checkout, ".mirador/secrets/stats-password");
  const password = readFileSync(file, "utf8");
  expect(password.trim().length).toBeGreaterThanOrEqual(24);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
  expect(ensureStatsPassword(checkout, {}).made).toBe(false);
  expect(readFileSync(file, "utf8")).toBe(password);
});

test("no password is generated where there is one", () => {
  const checkout = folder();
  expect(ensureStatsPassword(checkout, { HAPROXY_STATS_PASS: "given" }).where).toBe("HAPROXY_STATS_PASS");
  expect(ensureStatsPassword(checkout, {}, { statsPasswordFile: "/run/secret" }).where).toBe("/run/secret");
  expect(ensureStatsPassword(checkout, {}, { statsPasswordEnvFile: ".env.node1" }).where).toBe(
    "HAPROXY_STATS_PASS of .env.node1",
  );
  expect(existsSync(join(checkout, ".mirador"))).toBe(false);
});

test("the environment file is for a shell, and for the next run as far as its files exist", () => {
  const checkout = folder();
  expect(renderEnvFile({ A: "it's", B: undefined })).toContain("export A='it'\\''s'\nunset B\n");
  writeEnvFile(checkout, {
    MIRADOR_STATE: undefined,
    MIRADOR_FLEET: ".mirador/env",
    MIRADOR_IMAGES: "/gone/images.json",
    CHECKPOINT_DISABLE: "1",
  });
  expect(readEnvFile(checkout)).toEqual({ MIRADOR_FLEET: ".mirador/env" });
  expect(readEnvFile(folder())).toEqual({});
});

test("whoever works on fleet.ts where the demo deployed another fleet is told so", () => {
  const checkout = folder();
  expect(demoFleetNote(checkout, {})).toBeUndefined();
  writeEnvFile(checkout, { MIRADOR_FLEET: ".mirador/env" });
  expect(demoFleetNote(checkout, {})).toContain("the demo deployed .mirador/env");
  expect(demoFleetNote(checkout, { MIRADOR_FLEET: ".mirador/env" })).toBeUndefined();
  writeEnvFile(checkout, { MIRADOR_FLEET: undefined });
  expect(demoFleetNote(checkout, {})).toBeUndefined();
});

test("a second run in the same checkout is refused, and named; a dead one's lock is taken over", async () => {
  const checkout = folder();
  const lock = join(checkout, ".mirador/demo.lock");
  await holdingLock(checkout, async () => expect(readFileSync(lock, "utf8")).toContain(String(process.pid)));
  expect(existsSync(lock)).toBe(false);
  writeFileSync(lock, JSON.stringify({ pid: process.ppid, since: "noon" }));
  await expect(holdingLock(checkout, async () => 1)).rejects.toThrow(`process ${process.ppid}, since noon`);
  // A process that is gone, one whose number somebody else has by now, and half a file.
  for (const left of [{ pid: 2 ** 22 + 1, since: "noon" }, { pid: process.ppid, began: "1", since: "noon" }, "half"]) {
    writeFileSync(lock, typeof left === "string" ? left : JSON.stringify(left));
    expect(await holdingLock(checkout, async () => 1)).toBe(1);
    expect(readdirSync(join(checkout, ".mirador"))).toEqual([]);
  }
});

test("a fleet has one lock: who waits is told what the holder does; another fleet goes on", async () => {
  const checkout = folder();
  const ours = fleetLock("shop", "mirador up node1");
  mkdirSync(join(checkout, ".mirador/locks"), { recursive: true });
  writeFileSync(
    join(checkout, ours.file),
    JSON.stringify({ pid: process.ppid, since: "noon", verb: "mirador repair" }),
  );
  await expect(holdingLock(checkout, async () => 1, ours)).rejects.toThrow(
    `mirador repair runs in this checkout: process ${process.ppid}, since noon`,
  );
  const other = fleetLock("office", "mirador up");
  const held = await holdingLock(checkout, async () => readFileSync(join(checkout, other.file), "utf8"), other);
  expect(JSON.parse(held)).toMatchObject({ pid: process.pid, verb: "mirador up" });
});
