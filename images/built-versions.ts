/**
 * Which versions are built: the newest that registries serve, or the oldest that this release still renders configurations for,
 * which the long run keeps working.
 */
export type Edition = "newest" | "oldest";

/** What is built, by the last part of its image's name; the provider is no image. */
export type BuiltName =
  | "provider"
  | "otelcol"
  | "victoria-metrics"
  | "vmagent"
  | "victoria-logs"
  | "vlagent"
  | "victoria-traces-double";

/**
 * The versions of what is built here, each at the same time the version that a fleet is told and the tag of the image. HAProxy's
 * is not among them: it is what Debian's archive holds on the day.
 */
export const BUILT_VERSIONS: Readonly<Record<BuiltName, string>> = {
  // The module carries a date alone; its change log begins with this release.
  provider: "4.6.0",
  otelcol: "0.165.0",
  "victoria-metrics": "1.154.1",
  vmagent: "1.154.1",
  // The module's tag says 1.52.2; see parts/victoria-logs/go.mod.
  "victoria-logs": "1.52.0",
  vlagent: "1.52.0",
  "victoria-traces-double": "0.1.0",
};

/** Older stores are known to start with the flags that are rendered for them; these are the oldest that whole suites ran. */
const OLDEST_VERSIONS: Readonly<Record<BuiltName, string>> = {
  ...BUILT_VERSIONS,
  otelcol: "0.158.0",
  "victoria-metrics": "1.150.0",
  vmagent: "1.150.0",
  "victoria-logs": "1.24.0",
  vlagent: "1.24.0",
};

export function builtVersions(edition: Edition): Readonly<Record<BuiltName, string>> {
  return edition === "newest" ? BUILT_VERSIONS : OLDEST_VERSIONS;
}
