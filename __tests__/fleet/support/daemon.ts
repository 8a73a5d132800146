import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { makeDaemonCgroup } from "./cgroup";
import { inNamespace } from "./network";
import type { HostSpec } from "./rig-spec";
import { GiveUp, waitFor } from "./wait";

const START_SECONDS = 60;

/**
 * Starts the two daemons of an engine inside the host's namespace and waits until it answers. containerd is started by
 * hand: dockerd would take the machine's own one where there is one.
 */
export async function startEngine(host: HostSpec, docker: Docker): Promise<void> {
  await mkdir(host.dataFolder, { recursive: true });
  await mkdir(host.runFolder, { recursive: true });
  const cgroup = await makeDaemonCgroup(host.cgroup);
  const containerdConfig = join(host.runFolder, "containerd.toml");
  await writeFile(containerdConfig, renderContainerdConfig(host));
  const dockerdConfig = join(host.runFolder, "daemon.json");
  await writeFile(dockerdConfig, JSON.stringify(dockerdSettings(host), null, 2));

  const start = (program: string, config: string): ChildProcess => startInside(host, cgroup, [program, config]);
  const containerd = start("containerd", `--config=${containerdConfig}`);
  // dockerd does not wait long for it.
  await waitFor(`${host.name}: containerd's socket`, { seconds: START_SECONDS }, async () => {
    await demandAlive(host, "containerd", containerd);
    return (await readdir(host.runFolder)).includes("containerd.sock");
  });
  const dockerd = start("dockerd", `--config-file=${dockerdConfig}`);
  await waitFor(`${host.name}: an answer of dockerd`, { seconds: START_SECONDS }, async () => {
    await demandAlive(host, "dockerd", dockerd);
    return docker.ping().then(Boolean, () => false);
  });
}

/** @throws GiveUp with the last words of a program that has ended */
async function demandAlive(host: HostSpec, program: string, { exitCode, signalCode }: ChildProcess): Promise<void> {
  if (exitCode === null && signalCode === null) return;
  const words = (await logTail(host, program)).trimEnd();
  throw new GiveUp(`${host.name}: ${program} ended with ${exitCode ?? signalCode}\n${words}`);
}

async function logTail({ runFolder }: HostSpec, program: string): Promise<string> {
  const text = await readFile(join(runFolder, `${program}.log`), "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-15).join("\n");
}

/** The shell joins the cgroup and becomes the program, so that not even the first child is born outside. */
function startInside(host: HostSpec, cgroup: string, [program, ...args]: readonly [string, ...string[]]): ChildProcess {
  const output = openSync(join(host.runFolder, `${program}.log`), "a");
  const become = ["nsenter", ...inNamespace(host.namespace, program, ...args)];
  const child = spawn("sh", ["-c", 'echo $$ > "$0" && exec "$@"', join(cgroup, "cgroup.procs"), ...become], {
    // It outlives this process, which may be one test file's worker, and does not get its Ctrl-C.
    detached: true,
    stdio: ["ignore", output, output],
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DOCKER_"))),
  });
  closeSync(output);
  child.unref();
  return child;
}

function renderContainerdConfig({ dataFolder, runFolder }: HostSpec): string {
  return [
    "version = 2",
    `root = "${join(dataFolder, "containerd")}"`,
    `state = "${join(runFolder, "containerd")}"`,
    // The first is for Kubernetes and listens on a port; the second makes a folder /opt/containerd.
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    "[grpc]",
    `address = "${join(runFolder, "containerd.sock")}"`,
    "",
  ].join("\n");
}

/** A file and not flags: with flags dockerd would read the machine's /etc/docker/daemon.json as well. */
function dockerdSettings({ socket, dataFolder, runFolder, cgroup }: HostSpec): object {
  return {
    hosts: [`unix://${socket}`],
    "data-root": join(dataFolder, "docker"),
    "exec-root": join(runFolder, "exec"),
    pidfile: join(runFolder, "dockerd.pid"),
    containerd: join(runFolder, "containerd.sock"),
    // Every host may have the same: nobody outside sees them.
    bip: "172.29.0.1/24",
    "default-address-pools": [{ base: "172.30.0.0/16", size: 24 }],
    // systemd's driver knows no such parent.
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "cgroup-parent": `/${cgroup}`,
  };
}

/** What an engine that was killed left for the next one to stumble over: pids that may be another's by now, sockets. */
export async function removeRuntimeFiles({ runFolder }: HostSpec): Promise<void> {
  for (const name of await readdir(runFolder).catch(() => [])) {
    if (!name.endsWith(".log")) await rm(join(runFolder, name), { recursive: true, force: true });
  }
}

/**
 * Takes the restart policy from every container that lies in a data folder, so that an engine that is started only to
 * remove them does not start sixteen of them first. The engine must be down.
 */
export async function disarmContainers({ dataFolder }: HostSpec): Promise<void> {
  const containers = join(dataFolder, "docker", "containers");
  for (const id of await readdir(containers).catch(() => [])) {
    const path = join(containers, id, "hostconfig.json");
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const settings = JSON.parse(text) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...settings, RestartPolicy: { Name: "no", MaximumRetryCount: 0 } }));
  }
}
