import { sizeText } from "../cli/queues";
import type { BackupResult } from "./backup";
import type { CpuRun } from "./cpu";
import { cpuTables } from "./cpu-tables";
import type { DeployResult } from "./deploy";
import type { FleetRun } from "./fleet-cpu";
import { fleetTable } from "./fleet-table";
import type { Machine } from "./machine";
import { figure, machineText, range, table } from "./markdown";
import type { MemoryResult } from "./memory";
import { promiseRows } from "./promises";
import type { Settings } from "./session";
import { sum } from "./statistics";
import type { SynthResult } from "./synth";
import { LOOKING, type VerbsResult } from "./verbs";

/** Everything that was measured; the JSON file holds exactly this. */
export interface Report extends Measured {
  readonly started: string;
  readonly settings: Settings;
  readonly machine: Machine;
}

/** Absent is what was not asked for. */
export interface Measured {
  readonly synth?: readonly SynthResult[] | undefined;
  readonly deploy?: DeployResult | undefined;
  readonly memory?: MemoryResult | undefined;
  readonly cpu?: readonly CpuRun[] | undefined;
  readonly fleet?: readonly FleetRun[] | undefined;
  readonly verbs?: VerbsResult | undefined;
  readonly backup?: BackupResult | undefined;
}

export function renderReport({
  started,
  settings,
  machine,
  synth,
  deploy,
  memory,
  cpu,
  fleet,
  verbs,
  backup,
}: Report): string {
  const sections = [machineText(machine, started.slice(0, 10))];
  const traceStandIn = machine.parts.some(({ key, standIn }) => key === "victoria-traces" && standIn !== undefined);
  const promises = promiseRows({ synth, deploy, memory, cpu, fleet, verbs }, traceStandIn);
  if (promises.length > 0) sections.push(table(["promise", "figure", "measured", "kept"], promises));
  if (synth !== undefined) sections.push("### Synth", synthTable(synth));
  if (deploy !== undefined) sections.push("### One node, through Terraform", deployTable(deploy));
  if (memory !== undefined)
    sections.push(
      "### Memory",
      `cgroup memory without inactive file pages, as \`docker stats\` counts: ${memory.idleSeconds} s after ready, and after ${memory.loadSeconds} s of 2k spans, 2k logs and 10k samples a second.`,
      memoryTable(memory),
    );
  if (cpu !== undefined)
    sections.push(
      "### CPU",
      `Side by side, ${settings.rounds} round(s) of ours, plain, predecessor, each from empty stores; ${settings.seconds} s at 5k spans, 5k logs or 20k samples a second over OTLP gRPC; medians. All three have the same HAProxy in front and the same stores behind, fsync on; containers of the plan, started through the Docker API. plain: one collector with default settings, OTLP in, OTLP out straight to the stores. predecessor: every collector sends on the spans that it received. At rest: what the containers use in the same time when nothing is sent.`,
      cpuTables(cpu),
    );
  if (fleet !== undefined)
    sections.push(
      "### Three nodes beside one",
      `Each node is a Docker host of its own in a network namespace of the same machine. ${settings.rounds} round(s) of one node, then three, from empty stores; the same ${settings.seconds} s of load over OTLP gRPC, on three nodes a third of it at each; medians. A fleet of several stores every item twice, once in each group. Mesh: what HAProxy uses on three nodes beyond what it uses on one, which is TLS between the nodes and a second hop. At rest: what the containers use in the same time when nothing is sent.`,
      fleetTable(fleet),
    );
  if (verbs !== undefined)
    sections.push(
      "### The operator's command on three nodes",
      `Each node is a Docker host of its own in a network namespace of the same machine; the fleet runs on these processors too. Nothing differs from the plan, but in the last row. ${settings.rounds} round(s), each command from its start to its end.`,
      verbsTable(verbs),
    );
  if (backup !== undefined)
    sections.push(
      "### Backup and restore",
      `One node with ${backup.items.map(({ signal, before }) => `${before} ${signal}`).join(", ")} beside its own; ${sizeText(backup.bytes)} to a folder of the same machine; \`mirador clean\` between, and afterwards as many of each as before. Each command from its start to its end.`,
      backupTable(backup),
    );
  return `${sections.join("\n\n")}\n`;
}

function synthTable(results: readonly SynthResult[]): string {
  return table(
    ["nodes", "whole program, s", "range", "of it planning", "of it synth"],
    results.map(({ nodes, program, plan, synth }) => [
      nodes,
      figure(program.median),
      range(program),
      figure(plan.median),
      figure(synth.median),
    ]),
  );
}

function deployTable({ rounds, steps }: DeployResult): string {
  return table(
    [`step (${rounds} round(s))`, "median, s", "range"],
    Object.entries(steps).map(([step, spread]) => [step, figure(spread.median), range(spread)]),
  );
}

function verbsTable(verbs: VerbsResult): string {
  return table(
    ["command", "median, s", "range"],
    LOOKING.map((verb) => [`mirador ${verb}`, figure(verbs[verb].median), range(verbs[verb])]),
  );
}

function backupTable({ steps }: BackupResult): string {
  return table(
    ["command", "s"],
    Object.entries(steps).map(([step, seconds]) => [step, figure(seconds)]),
  );
}

function memoryTable({ idle, loaded, cores }: MemoryResult): string {
  const row = (name: string, ...values: readonly (number | undefined)[]) => [name, ...values.map(figure)];
  const total = (values: Readonly<Record<string, number>>): number => sum(Object.values(values));
  return table(
    ["service", "idle, MiB", "load, MiB", "load, cores"],
    [
      ...Object.keys(idle).map((service) => row(service, idle[service], loaded[service], cores[service])),
      row("**whole node**", total(idle), total(loaded), total(cores)),
    ],
  );
}
