import type { Layout } from "../../../lib";

/** What the suite made once for all of its files; plain data, because it travels between processes. */
export interface E2eContext {
  /** The checkout. */
  readonly root: string;
  /** Everything that the suite writes is below it. */
  readonly folder: string;
  /** The `loadgen` program. */
  readonly loadgen: string;
  /** For `MIRADOR_IMAGES`; absent means the catalogue's own images. */
  readonly imagesFile?: string;
  /** For `TF_CLI_CONFIG_FILE`. */
  readonly terraformConfigFile?: string;
  readonly statsPassword: string;
  readonly metricsLayout: Layout;
  /** In every title, so that a report says what it is a report of. */
  readonly title: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    e2e: E2eContext;
  }
}
