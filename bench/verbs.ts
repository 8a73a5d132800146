import { withFleet, withHosts } from "./hosts";
import type { Session } from "./session";
import { type Spread, spreadOf } from "./statistics";

/** Seconds of a verb of the operator's command from its start to its end, by verb. */
export type VerbsResult = Readonly<Record<Verb, Spread>>;

/** What somebody waits for who only looks. */
export const LOOKING = ["status", "doctor", "plan", "drift"] as const;
type Verb = (typeof LOOKING)[number];

/**
 * Verbs that only look at a fleet of three nodes to which all is as it should be.
 * @throws Error when one of them finds something
 */
export async function measureVerbs(session: Session): Promise<VerbsResult> {
  return withHosts((context) =>
    withFleet(session, context, 3, async (stack) => {
      const seconds: Record<Verb, number[]> = { status: [], doctor: [], plan: [], drift: [] };
      for (let round = 1; round <= session.settings.rounds; round++) {
        for (const verb of LOOKING) {
          const started = performance.now();
          const { status, output } = await (await stack.startMirador(verb)).ended;
          seconds[verb].push((performance.now() - started) / 1000);
          if (status !== 0) throw new Error(`mirador ${verb}: exit status ${status}\n${output}`);
        }
        session.log(
          `round ${round}: ${LOOKING.map((verb) => `${verb} ${seconds[verb].at(-1)?.toFixed(2)} s`).join(", ")}`,
        );
      }
      return {
        status: spreadOf(seconds.status),
        doctor: spreadOf(seconds.doctor),
        plan: spreadOf(seconds.plan),
        drift: spreadOf(seconds.drift),
      };
    }),
  );
}
