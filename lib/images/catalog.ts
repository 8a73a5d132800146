/**
 * The parts of a node and the official image of each. A digest is not written by hand: a connected machine resolves
 * tags, and an override can name `image@sha256:…`.
 */
export const IMAGE_CATALOG = {
  haproxy: { ref: "haproxy:3.4.7-alpine", version: "3.4.7" },
  otelcol: { ref: "otel/opentelemetry-collector-contrib:0.165.1", version: "0.165.1" },
  vminsert: { ref: "victoriametrics/vminsert:v1.154.1-cluster", version: "1.154.1" },
  vmselect: { ref: "victoriametrics/vmselect:v1.154.1-cluster", version: "1.154.1" },
  vmstorage: { ref: "victoriametrics/vmstorage:v1.154.1-cluster", version: "1.154.1" },
  "victoria-metrics": { ref: "victoriametrics/victoria-metrics:v1.154.1", version: "1.154.1" },
  vmagent: { ref: "victoriametrics/vmagent:v1.154.1", version: "1.154.1" },
  "victoria-logs": { ref: "victoriametrics/victoria-logs:v1.53.0", version: "1.53.0" },
  // Always of the version of victoria-logs: it speaks the internal protocol of the storages.
  vlagent: { ref: "victoriametrics/vlagent:v1.53.0", version: "1.53.0" },
  "victoria-traces": { ref: "victoriametrics/victoria-traces:v0.13.0", version: "0.13.0" },
} as const satisfies Readonly<Record<string, ImageChoice>>;

export type ImageKey = keyof typeof IMAGE_CATALOG;
export const IMAGE_KEYS = Object.keys(IMAGE_CATALOG) as readonly ImageKey[];

export interface ImageChoice {
  /** What Docker pulls or finds: `registry/name:tag` or `name@sha256:…`. */
  readonly ref: string;
  /** Version of the program inside; decides which flags and keys may be rendered. */
  readonly version: string;
  /** Set when this is not the real part; shown wherever the part is shown. */
  readonly standIn?: string;
  /**
   * Components of a collector that are another release than the program, by the last word of their Go module, such as
   * `{ isolationforestprocessor: "0.144.0" }`: what may be configured of them is decided by their own version.
   *
   * @default - all are of the program's version
   */
  readonly components?: Readonly<Record<string, string>>;
  /**
   * Advisories that are mended in this image although its version is older than the release that mended them: a distribution's
   * package, a build with a patch. `mirador up` refuses an image below its floor unless they are named here.
   *
   * @default - none
   */
  readonly fixes?: readonly string[];
}
