import type { Trouble } from "../failure";
import { type Findings, NOTHING_FOUND } from "./findings";

/** From here on it is told. */
const WARNED_SECONDS = 60;
/** New certificates are valid from an hour ago on; a host that is further behind refuses them. */
const REFUSED_SECONDS = 3_600;

/** A host's clock, against that of this machine. */
export interface HostClock {
  readonly node: string;
  readonly aheadSeconds: number;
}

/**
 * Clocks that do not agree: what hosts stamp themselves (derived series, log lines of agents) is stored at the wrong
 * moment, and certificates are not valid yet or no more.
 */
export function clockFindings(clocks: readonly HostClock[]): Findings {
  // This machine's clock is one among them: which of all is wrong, nobody can tell from here.
  const all = [{ node: "this machine", aheadSeconds: 0 }, ...clocks].toSorted(
    (a, b) => a.aheadSeconds - b.aheadSeconds,
  );
  const [slow] = all;
  const fast = all.at(-1);
  if (slow === undefined || fast === undefined) return NOTHING_FOUND;
  const seconds = fast.aheadSeconds - slow.aheadSeconds;
  if (seconds <= WARNED_SECONDS) return NOTHING_FOUND;
  const each = clocks.map(({ node, aheadSeconds }) => `${node} ${signed(aheadSeconds)}`).join(", ");
  const trouble: Trouble = {
    code: "clock/skew",
    what: `the clocks of ${slow.node} and ${fast.node} are ${Math.round(seconds)} s apart (against this machine: ${each})`,
    where: [slow.node, fast.node].filter((node) => node !== "this machine").join(", "),
    fix: "let the hosts set their clocks by NTP (timedatectl set-ntp true, or chrony), then look: timedatectl",
  };
  return seconds > REFUSED_SECONDS ? { errors: [trouble], warnings: [] } : { errors: [], warnings: [trouble] };
}

function signed(seconds: number): string {
  const whole = Math.round(seconds);
  return `${whole < 0 ? "-" : "+"}${Math.abs(whole)} s`;
}
