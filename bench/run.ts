import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { EXIT } from "../cli/failure";
import { measureBackup } from "./backup";
import { measureCpu } from "./cpu";
import { measureDeploy } from "./deploy";
import { measureFleet } from "./fleet-cpu";
import { describeMachine } from "./machine";
import { measureMemory } from "./memory";
import { type Report, renderReport } from "./report";
import { localEngine, type Session, sweep, withSession } from "./session";
import { measureSynth } from "./synth";
import { measureVerbs } from "./verbs";

/** In the order in which they run. */
const MEASURES = {
  synth: measureSynth,
  deploy: measureDeploy,
  memory: measureMemory,
  cpu: measureCpu,
  fleet: measureFleet,
  verbs: measureVerbs,
  backup: measureBackup,
} as const satisfies Readonly<Record<string, (session: Session) => Promise<unknown>>>;
type Measure = keyof typeof MEASURES;
const NAMES = Object.keys(MEASURES) as readonly Measure[];

interface Options {
  readonly only: readonly Measure[];
  readonly seconds: number;
  readonly rounds: number;
  readonly out?: string;
  readonly markdown?: string;
  readonly clean?: boolean;
}

function parseOptions(): Options {
  return new Command("bench")
    .description(
      "Measures Mirador Stack on this machine: synth time, a deploy, memory, and CPU beside a plain collector and the predecessor's shape.",
    )
    .option("--only <measures>", `comma-separated: ${NAMES.join(", ")}`, parseMeasures, NAMES)
    .option(
      "--seconds <n>",
      "length of each CPU load; the waits of the memory measure scale with it",
      whole(4, 300),
      12,
    )
    .option("--rounds <n>", "rounds of deploy and cpu", whole(1, 20), 3)
    .option("--out <file>", "the JSON (default: bench/results/<time>.json)")
    .option("--markdown <file>", "write the tables here too")
    .option("--clean", "only remove what a killed benchmark left behind")
    .addHelpText(
      "after",
      `
Images: those of MIRADOR_IMAGES; else the official ones if the engine has them all; else the parts that are built here.
Needs: Docker at its usual socket, terraform, go; for fleet and verbs also root, iproute2, iptables: it makes three Docker hosts in
network namespaces. All measures with the defaults take about 45 minutes on two cores;
a machine that does other work meanwhile makes every figure worse, the ratios least.

  npm run bench                                       everything
  npm run bench -- --only cpu --seconds 4 --rounds 1  does it work? (the figures mean little)`,
    )
    .parse()
    .opts<Options>();
}

function parseMeasures(text: string): readonly Measure[] {
  const asked = text.split(",").map((name) => name.trim());
  const unknown = asked.filter((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`${unknown.join(", ")}: allowed are ${NAMES.join(", ")}`);
  return NAMES.filter((name) => asked.includes(name));
}

function whole(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`a whole number from ${from} to ${to} is wanted`);
  };
}

/** @returns the exit status */
async function main(): Promise<number> {
  const options = parseOptions();
  const log = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)}  ${text}`);
  if (options.clean) {
    await sweep({ docker: localEngine() });
    return EXIT.ok;
  }

  const interrupt = new AbortController();
  // It stays installed: a second Ctrl-C must not end the clean-up halfway.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupt.abort());
  try {
    await measure(options, interrupt.signal, log);
    return EXIT.ok;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    // An abort is what was asked for; anything else that happened meanwhile is told.
    if (!["AbortError", "Interrupted"].includes((error as Error).name)) log((error as Error).message);
    log("interrupted");
    return EXIT.interrupted;
  }
}

async function measure(
  { only, seconds, rounds, out, markdown }: Options,
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<void> {
  const started = new Date().toISOString();
  const settings = { seconds, rounds };
  const file = resolve(out ?? join(__dirname, "results", `${started.replaceAll(":", "").slice(0, 17)}.json`));
  await withSession(settings, signal, log, async (session) => {
    let report: Report = { started, settings, machine: await describeMachine(session) };
    for (const name of only) {
      report = { ...report, [name]: await MEASURES[name](session) };
      // After each measure: a later one that fails must not lose what is known.
      await write(file, `${JSON.stringify(report, null, 2)}\n`);
    }
    const text = renderReport(report);
    if (markdown !== undefined) await write(resolve(markdown), text);
    console.log(text);
    log(`written: ${file}`);
  });
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

// A process that has nothing left to wait for would end with 0 in the middle of its work, and leave containers behind.
process.exitCode = EXIT.failed;
let settled = false;
process.once("beforeExit", () => {
  if (settled) return;
  console.error("ended early: nothing was left to wait for. Removing what was made");
  void sweep({ docker: localEngine() });
});
main()
  .then(
    (status) => {
      process.exitCode = status;
    },
    (error: unknown) => console.error(error instanceof Error ? error.message : error),
  )
  .finally(() => {
    settled = true;
  });
