import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { run } from "./shell";
import { explaining, StepError } from "./steps";

export const DEFAULT_ENGINE = "unix:///var/run/docker.sock";
const ENGINE_LOG = "/var/log/dockerd-mirador.log";
const PING_SECONDS = 5;
const START_SECONDS = 30;

export interface Engine {
  /** As `DOCKER_HOST` takes it. */
  readonly address: string;
  readonly version: string;
}

export interface EnsureEngineOptions {
  readonly log: (line: string) => void;
}

/** The address that is meant: what was asked for, else `DOCKER_HOST`, else the socket that Docker makes. */
export function engineAddress(dockerHost?: string): string {
  return dockerHost || process.env.DOCKER_HOST || DEFAULT_ENGINE;
}

/** A client for `unix://…`, `tcp://…` or `http(s)://…`. */
export function connectEngine(address: string, timeoutSeconds?: number): Docker {
  const timeout = timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000 };
  // Only dockerode itself reads the TLS variables that belong to DOCKER_HOST.
  if (address === process.env.DOCKER_HOST && !address.startsWith("unix:")) return new Docker(timeout);
  const url = new URL(address);
  if (url.protocol === "unix:") return new Docker({ ...timeout, socketPath: url.pathname });
  if (["tcp:", "http:", "https:"].includes(url.protocol)) {
    const protocol = url.protocol === "https:" ? "https" : "http";
    return new Docker({ ...timeout, protocol, host: url.hostname, port: Number(url.port || 2375) });
  }
  throw new Error(`${address}: only unix://, tcp://, http:// and https:// addresses are understood`);
}

/** The engine's version, or why there is none; answers within seconds, whatever is behind the address. */
export async function askEngine(address: string): Promise<{ version: string } | { problem: string; code: string }> {
  try {
    const { Version } = await connectEngine(address, PING_SECONDS).version();
    return { version: Version };
  } catch (error) {
    const { message, code = "" } = error as NodeJS.ErrnoException;
    return { problem: message, code };
  }
}

/**
 * Finds a Docker engine, and on Debian or Ubuntu makes one when there is none: installs the distribution's packages and
 * starts the daemon. An address that was named in `DOCKER_HOST` is never replaced by another engine.
 *
 * @throws StepError when there is none and this process may not make one: it holds the exact command to run
 */
export async function ensureEngine({ log }: EnsureEngineOptions): Promise<Engine> {
  const address = engineAddress();
  const answer = await askEngine(address);
  if ("version" in answer) return { address, version: answer.version };

  const named = process.env.DOCKER_HOST;
  if (named !== undefined && named !== "" && named !== DEFAULT_ENGINE) {
    throw new StepError(
      "engine",
      `no Docker engine answers at DOCKER_HOST=${address}: ${answer.problem}`,
      "start that engine, or unset DOCKER_HOST to use the one of this machine",
    );
  }
  if (answer.code === "EACCES") {
    throw new StepError(
      "engine",
      `${address} may not be opened by this user`,
      "run: sudo usermod -aG docker $USER && newgrp docker",
    );
  }
  // A socket that neither refuses nor answers belongs to a daemon that lives: a second one beside it would do harm.
  if (!["ENOENT", "ECONNREFUSED"].includes(answer.code)) {
    throw new StepError(
      "engine",
      `the engine at ${address} does not answer: ${answer.problem}`,
      "look at its log, then restart it: systemctl restart docker",
    );
  }
  await makeEngine(log, answer.problem);
  const made = await waitForEngine();
  log(`Docker engine ${made} answers at ${DEFAULT_ENGINE}`);
  return { address: DEFAULT_ENGINE, version: made };
}

async function makeEngine(log: (line: string) => void, why: string): Promise<void> {
  const command = "apt-get install -y --no-install-recommends docker.io iptables && systemctl start docker";
  if (!(await isDebian())) {
    throw new StepError(
      "engine",
      `no Docker engine at ${DEFAULT_ENGINE}: ${why}`,
      "install one (docs.docker.com/engine/install), then run: systemctl start docker",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new StepError(
      "engine",
      `no Docker engine at ${DEFAULT_ENGINE}, and only root can make one`,
      `run: sudo sh -c '${command}'`,
    );
  }
  if (!["/usr/sbin/dockerd", "/usr/bin/dockerd"].some(existsSync)) {
    log("no Docker engine here: installing docker.io and iptables from the distribution, about 1 min");
    await aptInstall("engine", ["docker.io", "iptables"]);
  }
  if (existsSync("/run/systemd/system")) {
    log("starting the Docker engine: systemctl start docker");
    await explaining("engine", "look at: journalctl -u docker", () => run("systemctl", ["start", "docker"]));
    return;
  }
  log(`starting the Docker engine: dockerd, which logs to ${ENGINE_LOG}`);
  await removeStalePidFiles();
  const output = openSync(ENGINE_LOG, "a");
  // A session of its own: the engine outlives this process and does not get its Ctrl-C.
  spawn("dockerd", [], { detached: true, stdio: ["ignore", output, output] }).unref();
  closeSync(output);
}

/**
 * An engine that was killed leaves the pids of its two processes behind. Where another program has such a pid by now, the
 * next engine takes it for its own that still runs, and does not start.
 */
async function removeStalePidFiles(): Promise<void> {
  for (const [file, program] of [
    ["/var/run/docker.pid", "dockerd"],
    ["/var/run/docker/containerd/containerd.pid", "containerd"],
  ] as const) {
    const pid = (await readFile(file, "utf8").catch(() => "")).trim();
    if (!/^\d+$/.test(pid)) continue;
    const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
    if (name !== program) await rm(file, { force: true });
  }
}

/** @throws StepError with the daemon's last words when it does not answer in time */
async function waitForEngine(): Promise<string> {
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; await sleep(250)) {
    const answer = await askEngine(DEFAULT_ENGINE);
    if ("version" in answer) return answer.version;
  }
  const words = await readFile(ENGINE_LOG, "utf8").catch(() => "");
  const tail = words.trimEnd().split("\n").slice(-15).join("\n    | ");
  throw new StepError(
    "engine",
    `dockerd did not answer within ${START_SECONDS} s\n    | ${tail}`,
    `repair what the log names (${ENGINE_LOG}) and run the same command again`,
  );
}

/** Installs distribution packages; the caller has made sure that this is root on Debian or Ubuntu. */
export async function aptInstall(step: string, packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await explaining(step, "repair apt's sources (/etc/apt) and run the same command again", async () => {
    await run("apt-get", ["update", "-qq"], { env });
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  });
}

export async function isDebian(): Promise<boolean> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}
