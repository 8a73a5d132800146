import { inject } from "vitest";
import { Faults } from "./faults";
import { Rig } from "./rig";

export const context = inject("fleet");

/** The hosts that the global setup made. */
export const rig = new Rig(context.rig);
export const faults = new Faults(rig);
