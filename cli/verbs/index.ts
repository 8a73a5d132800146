import type { Command } from "commander";
import type { Run } from "../mirador";
import { registerDown } from "./down";
import { registerHealth } from "./health";
import { registerLogs } from "./logs";
import { registerRepair } from "./repair";
import { registerStatus } from "./status";
import { registerUp } from "./up";

/** Adds a verb to the command line. */
export type Register = (program: Command, run: Run) => void;

/** In the order of the help. */
export const VERBS: readonly Register[] = [
  registerUp,
  registerDown,
  registerStatus,
  registerHealth,
  registerLogs,
  registerRepair,
];
