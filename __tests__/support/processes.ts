import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Program } from "./binaries";

/**
 * Each worker of the test run has its own: between the choice of a port and the program that listens there, another worker
 * would take the same one, and HAProxy, which shares ports, would not even notice. Below what the kernel gives away itself.
 */
const FIRST_PORT = 12_000;
const PORTS_EACH = 1_000;
const WORKERS = 20;
const own = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS) * PORTS_EACH;
let next = Math.floor(Math.random() * PORTS_EACH);

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS_EACH; tries++) {
    const port = own + (next++ % PORTS_EACH);
    if (await isFree(port)) return port;
  }
  throw new Error(`every port from ${own} to ${own + PORTS_EACH - 1} is taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

export interface Running {
  readonly process: ChildProcess;
  /** What it said so far. */
  readonly output: () => string;
}

/** A program that is stopped when the test is over. */
export function start({ file, parameters }: Program, ...more: readonly string[]): Running {
  const child = spawn(file, [...parameters, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  }
  const ended = once(child, "exit");
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  });
  return { process: child, output: () => output };
}

/** Waits for status 200. @throws with what the program said, when it ends or half a minute passes before */
export async function untilAnswers(url: string, running: Running): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (running.process.exitCode !== null) break;
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer; exit ${running.process.exitCode}\n${running.output().slice(-4000)}`);
}
