import type { FleetStack } from "../__tests__/fleet/support/fleet-stack";
import { EXIT } from "../cli/failure";
import { withFleet, withHosts } from "./hosts";
import type { Session } from "./session";
import { type Spread, spreadOf } from "./statistics";

/** What somebody waits for who only looks. The last is a plan of a fleet that somebody has just changed. */
export const LOOKING = ["status", "doctor", "plan", "drift", "plan after a change"] as const;
type Looking = (typeof LOOKING)[number];

/** Seconds of a verb of the operator's command, from its start to its end. */
export type VerbsResult = Readonly<Record<Looking, Spread>>;

/**
 * Verbs that only look, at a fleet of three nodes.
 * @throws Error when one of them says something else than what is so
 */
export async function measureVerbs(session: Session): Promise<VerbsResult> {
  return withHosts((context) =>
    withFleet(session, context, 3, async (stack) => {
      const { retention = {} } = stack.fleet;
      const rounds: Readonly<Record<Looking, number>>[] = [];
      for (let round = 1; round <= session.settings.rounds; round++) {
        const same = {
          status: await secondsOf(stack, "status", EXIT.ok),
          doctor: await secondsOf(stack, "doctor", EXIT.ok),
          plan: await secondsOf(stack, "plan", EXIT.ok),
          drift: await secondsOf(stack, "drift", EXIT.ok),
        };
        stack.change({ retention: { ...retention, logs: `${10 + round}d` } });
        const changed = await secondsOf(stack, "plan", EXIT.differences);
        stack.change({ retention });
        // As it was, and planned as such: what the next round finds.
        await secondsOf(stack, "plan", EXIT.ok);
        const seconds = { ...same, "plan after a change": changed };
        rounds.push(seconds);
        session.log(`round ${round}: ${LOOKING.map((verb) => `${verb} ${seconds[verb].toFixed(2)} s`).join(", ")}`);
      }
      const of = (verb: Looking): Spread => spreadOf(rounds.map((seconds) => seconds[verb]));
      return {
        status: of("status"),
        doctor: of("doctor"),
        plan: of("plan"),
        drift: of("drift"),
        "plan after a change": of("plan after a change"),
      };
    }),
  );
}

async function secondsOf(stack: FleetStack, verb: string, expected: number): Promise<number> {
  // The fleet's module is written before a command, and only when it is another one: not within the time.
  await (await stack.startMirador("--help")).ended;
  const started = performance.now();
  const { status, output } = await (await stack.startMirador(verb)).ended;
  const seconds = (performance.now() - started) / 1000;
  if (status !== expected) throw new Error(`mirador ${verb}: exit status ${status}\n${output}`);
  return seconds;
}
