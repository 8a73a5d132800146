import type Docker from "dockerode";
import { PORTS } from "../lib/plan/ports";
import { demultiplex } from "./engine-logs";

const ANSWER_SECONDS = 5;

/**
 * Runs a script in a container that is up, by its own shell.
 * @param seconds that it may take
 * @param interrupt ends the wait, not the script
 * @returns what it printed
 * @throws Error when it ends with another status than 0, with what it printed
 */
export async function runInside(
  client: Docker,
  container: string,
  script: string,
  seconds: number,
  interrupt?: AbortSignal,
): Promise<string> {
  const timeout = AbortSignal.timeout(seconds * 1000);
  const abortSignal = interrupt === undefined ? timeout : AbortSignal.any([timeout, interrupt]);
  try {
    const exec = await client.getContainer(container).exec({
      Cmd: ["/bin/sh", "-c", script],
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    });
    const stream = await exec.start({ abortSignal });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const text = demultiplex(Buffer.concat(chunks));
    const { ExitCode } = await exec.inspect({ abortSignal });
    if (ExitCode === 0) return text;
    throw new Error(text.trim().split("\n").at(-1) || `exit status ${ExitCode}`);
  } catch (error) {
    if (timeout.aborted) throw new Error(`no answer within ${seconds} s`);
    throw error;
  }
}

/**
 * What a node misses to be ready, in the words of its own HAProxy.
 * @param haproxy name of its container
 * @returns a service; nothing when the node is ready
 * @throws Error when HAProxy is not there to ask
 */
export async function missingAt(client: Docker, haproxy: string): Promise<string | undefined> {
  const script = `wget -q -T 3 -O - http://127.0.0.1:${PORTS.haproxyInternal}/waiting-for`;
  const text = (await runInside(client, haproxy, script, ANSWER_SECONDS)).trim();
  return text === "nothing" ? undefined : text;
}
