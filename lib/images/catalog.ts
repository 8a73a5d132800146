/**
 * The parts of a node and the official image of each. A digest is not written by hand: a connected machine resolves
 * tags, and an override can name `image@sha256:…`.
 */
export const IMAGE_CATALOG = {
  haproxy: { ref: "haproxy:3.4.7-alpine", version: "3.4.7" },
  otelcol: { ref: "otel/opentelemetry-collector-contrib:0.161.0", version: "0.161.0" },
  vminsert: { ref: "victoriametrics/vminsert:v1.153.0-cluster", version: "1.153.0" },
  vmselect: { ref: "victoriametrics/vmselect:v1.153.0-cluster", version: "1.153.0" },
  vmstorage: { ref: "victoriametrics/vmstorage:v1.153.0-cluster", version: "1.153.0" },
  "victoria-metrics": { ref: "victoriametrics/victoria-metrics:v1.153.0", version: "1.153.0" },
  vmagent: { ref: "victoriametrics/vmagent:v1.153.0", version: "1.153.0" },
  "victoria-logs": { ref: "victoriametrics/victoria-logs:v1.53.0", version: "1.53.0" },
  // Always of the version of victoria-logs: it speaks the internal protocol of the storages.
  vlagent: { ref: "victoriametrics/vlagent:v1.53.0", version: "1.53.0" },
  "victoria-traces": { ref: "victoriametrics/victoria-traces:v0.12.0", version: "0.12.0" },
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
}
