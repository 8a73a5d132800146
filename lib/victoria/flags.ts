import type { ImageKey } from "../images/catalog";
import { isAtLeast } from "../images/version";
import { type Problem, ProblemError } from "../problem";

/** The programs of the three product families; they have their own version lines. */
export type VictoriaProgram = Extract<
  ImageKey,
  | "vminsert"
  | "vmselect"
  | "vmstorage"
  | "victoria-metrics"
  | "victoria-logs"
  | "victoria-traces"
  | "vmagent"
  | "vlagent"
>;

interface FlagEntry {
  /** Which programs know the flag, and since which version. An unknown flag is fatal: exit status 2. */
  readonly since: { readonly [program in VictoriaProgram]?: string };
}

const METRICS_ALL = {
  vminsert: "1.110.0",
  vmselect: "1.110.0",
  vmstorage: "1.110.0",
  "victoria-metrics": "1.110.0",
} as const;
const STORES = { "victoria-logs": "1.18.0", "victoria-traces": "0.1.0" } as const;
const AGENTS = { vmagent: "1.110.0", vlagent: "1.24.0" } as const;
const ALL = { ...METRICS_ALL, ...STORES, ...AGENTS } as const;

/** Flags in use. Sources: the help text of each program; the changelogs for versions that were not run. */
const CATALOG = {
  httpListenAddr: { since: ALL },
  loggerFormat: { since: ALL },
  "memory.allowedBytes": { since: ALL },
  "http.shutdownDelay": { since: ALL },
  storageDataPath: { since: { vmstorage: "1.110.0", "victoria-metrics": "1.110.0", ...STORES } },
  retentionPeriod: { since: { vmstorage: "1.110.0", "victoria-metrics": "1.110.0", ...STORES } },
  inmemoryDataFlushInterval: { since: { vmstorage: "1.110.0", "victoria-metrics": "1.110.0", ...STORES } },
  "storage.minFreeDiskSpaceBytes": { since: { vmstorage: "1.110.0", "victoria-metrics": "1.110.0", ...STORES } },
  "dedup.minScrapeInterval": { since: { vmselect: "1.110.0", vmstorage: "1.110.0", "victoria-metrics": "1.110.0" } },
  vminsertAddr: { since: { vmstorage: "1.110.0" } },
  vmselectAddr: { since: { vmstorage: "1.110.0", "victoria-metrics": "1.150.0" } },
  storageNode: { since: { vminsert: "1.110.0", vmselect: "1.110.0", ...STORES } },
  maxConcurrentInserts: { since: { vminsert: "1.110.0" } },
  "opentelemetry.usePrometheusNaming": { since: { vminsert: "1.110.0", "victoria-metrics": "1.110.0" } },
  "search.denyPartialResponse": { since: { vmselect: "1.110.0" } },
  "search.maxQueryDuration": { since: { vmselect: "1.110.0", "victoria-metrics": "1.110.0", ...STORES } },
  "rpc.handshakeTimeout": { since: { vmselect: "1.140.0" } },
  globalReplicationFactor: { since: { vmselect: "1.110.0" } },
  cacheDataPath: { since: { vmselect: "1.110.0" } },
  "insert.disable": { since: { "victoria-logs": "1.24.0", "victoria-traces": "0.1.0" } },
  "select.disable": { since: { "victoria-logs": "1.24.0", "victoria-traces": "0.1.0" } },
  "opentelemetry.maxRequestSize": { since: { "victoria-logs": "1.24.0" } },
  "opentelemetry.traces.maxRequestSize": { since: { "victoria-traces": "0.1.0" } },
  "insert.drainTimeout": { since: { "victoria-logs": "1.53.0" } },
  health: { since: { "victoria-logs": "1.53.0" } },
  "remoteWrite.url": { since: AGENTS },
  "remoteWrite.tmpDataPath": { since: AGENTS },
  "remoteWrite.maxDiskUsagePerURL": { since: AGENTS },
  "remoteWrite.queues": { since: AGENTS },
  "remoteWrite.sendTimeout": { since: AGENTS },
  // One thing with two names; vmagent warns of the old one.
  "remoteWrite.retryMaxInterval": { since: { vmagent: "1.121.0" } },
  "remoteWrite.retryMaxTime": { since: { vlagent: "1.24.0" } },
} as const satisfies Readonly<Record<string, FlagEntry>>;

export type VictoriaFlag = keyof typeof CATALOG;

/** A flag with its value; `optional` ones are left out where the version does not know them. */
export interface FlagUse {
  readonly flag: VictoriaFlag;
  readonly value: string | number | true;
  readonly optional?: boolean;
}

/** Whether a program of this version has the flag. */
export function knowsFlag(program: VictoriaProgram, version: string, flag: VictoriaFlag): boolean {
  const since = (CATALOG[flag].since as FlagEntry["since"])[program];
  return since !== undefined && isAtLeast(version, since);
}

/**
 * The command line of a program, in the order given.
 * @throws ProblemError `image/flag-unsupported` when the version lacks a flag that the role cannot do without
 */
export function renderFlags(program: VictoriaProgram, version: string, uses: readonly FlagUse[]): readonly string[] {
  const problems: Problem[] = [];
  const rendered: string[] = [];
  for (const { flag, value, optional = false } of uses) {
    const since = (CATALOG[flag].since as FlagEntry["since"])[program];
    if (knowsFlag(program, version, flag)) rendered.push(value === true ? `-${flag}` : `-${flag}=${value}`);
    else if (!optional)
      problems.push({
        code: "image/flag-unsupported",
        what:
          since === undefined
            ? `${program} has no flag -${flag}`
            : `${program} ${version} has no flag -${flag}; it came with ${since}`,
        where: `images.${program}.version`,
        fix:
          since === undefined
            ? "this is a fault of this program: please report it"
            : `use ${program} ${since} or newer`,
      });
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return rendered;
}
