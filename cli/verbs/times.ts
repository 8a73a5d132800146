import { InvalidArgumentError, Option } from "commander";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** @param text such as `90s`, `10m`, `2h`, `3d` @returns seconds; nothing when it is no time */
export function secondsIn(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? 1);
}

/** How long each wait for the fleet may take, unless a person says otherwise. */
export const WAIT_SECONDS = 600;

/** `--wait`, of verbs that change one node after the other. Its value is in seconds. */
export function waitOption(): Option {
  return new Option("--wait <time>", "how long each wait for the fleet may take, such as 90s or 1h")
    .argParser((text) => {
      const seconds = secondsIn(text);
      if (seconds === undefined) throw new InvalidArgumentError("Write a time with its unit, such as 90s, 10m or 1h.");
      return seconds;
    })
    .default(WAIT_SECONDS, "10m");
}

/** How long a fault may last that is made on purpose: long enough for every wait in a fleet, and bounded. */
const FAULT_MOST_SECONDS = 600;

/** `--for`, of faults that are made on purpose. Its value is in seconds. */
export function forOption(): Option {
  return new Option("--for <duration>", "how long it lasts, from 1s to 10m")
    .argParser((text) => {
      const seconds = secondsIn(text);
      if (seconds === undefined || seconds < 1 || seconds > FAULT_MOST_SECONDS)
        throw new InvalidArgumentError("Write a time with its unit, from 1s to 10m, such as 30s or 2m.");
      return seconds;
    })
    .default(30, "30s");
}
