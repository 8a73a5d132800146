import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Program } from "./binaries";

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
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
