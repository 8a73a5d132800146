import type { LoadReport, SignalName, Verdicts } from "./loadgen";

/** One line a reader of the log finds again. */
export function say(what: string, text: string): void {
  console.log(`e2e | ${what}: ${text}`);
}

/** What was acknowledged, lost and stored twice, signal by signal. */
export function sayCounts(what: string, { signals }: LoadReport, verdicts: Verdicts): void {
  for (const [signal, { acked, lost, double, error }] of Object.entries(verdicts)) {
    const sent = signals[signal as SignalName];
    const refused = Object.entries(sent?.refused ?? {}).map(([status, count]) => `${count} x ${status}`);
    const calm = refused.length === 0 ? "none refused" : `refused ${refused.join(", ")}`;
    const latency =
      sent === undefined ? "" : `; p99 ${Math.round(sent.latencyMs.p99)} ms, max ${Math.round(sent.latencyMs.max)} ms`;
    say(
      what,
      `${signal} ${acked} acknowledged, ${lost} lost, ${double} double; ${calm}${latency}${error === undefined ? "" : `; ${error}`}`,
    );
  }
}
