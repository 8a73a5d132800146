import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  readonly seconds: number;
  /** @default 100 */
  readonly everyMilliseconds?: number;
}

/** Thrown by a probe that knows that waiting is in vain. */
export class GiveUp extends Error {
  public override readonly name = "GiveUp";
}

/**
 * Asks until there is an answer that counts, which is anything but `undefined` and `false`.
 * @throws Error that names what was waited for, with the last error of the probe
 */
export async function waitFor<T>(
  what: string,
  { seconds, everyMilliseconds = 100 }: WaitOptions,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  let reason: unknown;
  for (const end = performance.now() + seconds * 1000; ; await sleep(everyMilliseconds)) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      reason = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      reason = error;
    }
    if (performance.now() < end) continue;
    const last = reason === undefined ? "" : `: ${reason instanceof Error ? reason.message : String(reason)}`;
    throw new Error(`${what}: not within ${seconds} s${last}`, { cause: reason });
  }
}

/** What `work` gives, and the seconds it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - began) / 1000 };
}
