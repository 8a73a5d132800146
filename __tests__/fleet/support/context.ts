import type { E2eContext } from "../../e2e/support/context";
import type { RigSpec } from "./rig-spec";

/** What the suite made once for all of its files; plain data, because it travels between processes. */
export interface FleetContext extends E2eContext {
  readonly rig: RigSpec;
  /** The project `chaos`: every fault, as long as it takes. Else the part of it that CI has time for. */
  readonly full: boolean;
}

declare module "vitest" {
  export interface ProvidedContext {
    fleet: FleetContext;
  }
}
