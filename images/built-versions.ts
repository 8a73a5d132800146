/**
 * The versions of what is built here, each at the same time the version that a fleet is told and the tag of the image. HAProxy's
 * is not among them: it is what Debian's archive holds on the day.
 */
export const BUILT_VERSIONS = {
  // The module carries a date alone; its change log begins with this release.
  provider: "4.6.0",
  otelcol: "0.165.0",
  "victoria-metrics": "1.154.1",
  vmagent: "1.154.1",
  // The module's tag says 1.52.2; see parts/victoria-logs/go.mod.
  "victoria-logs": "1.52.0",
  vlagent: "1.52.0",
  "victoria-traces-double": "0.1.0",
} as const;
