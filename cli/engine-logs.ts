import type Docker from "dockerode";

const LAST_LINES = 15;

/** Docker puts eight bytes before each piece of output: which stream, and how long. */
export function demultiplex(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= log.length; ) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** What a container printed last; nothing when it is not there to ask. */
export async function lastLogLines(client: Docker, container: string): Promise<readonly string[]> {
  try {
    const log = await client.getContainer(container).logs({ stdout: true, stderr: true, tail: LAST_LINES });
    return demultiplex(log)
      .trimEnd()
      .split("\n")
      .slice(-LAST_LINES)
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}
