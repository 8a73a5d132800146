import type { Command } from "commander";
import type { Run } from "../mirador";
import { registerAccess } from "./access";
import { registerBackup } from "./backup";
import { registerChaos } from "./chaos";
import { registerClean } from "./clean";
import { registerCompletion } from "./completion";
import { registerDoctor } from "./doctor";
import { registerDown } from "./down";
import { registerDrift } from "./drift";
import { registerHealth } from "./health";
import { registerImages } from "./images";
import { registerInit } from "./init";
import { registerLogs } from "./logs";
import { registerOpen } from "./open";
import { registerPki } from "./pki";
import { registerPlan } from "./plan";
import { registerReload } from "./reload";
import { registerRepair } from "./repair";
import { registerRestart } from "./restart";
import { registerRestore } from "./restore";
import { registerStatus } from "./status";
import { registerTest } from "./test";
import { registerUp } from "./up";
import { registerVolumes } from "./volumes";

/**
 * Adds a verb to the command line. Engines and all that talks to them are imported when the verb runs: the shell asks this
 * command line for completions at every touch of a key.
 */
export type Register = (program: Command, run: Run) => void;

/** In the order of the help. */
export const VERBS: readonly Register[] = [
  registerInit,
  registerDoctor,
  registerPlan,
  registerUp,
  registerDown,
  registerRestart,
  registerReload,
  registerStatus,
  registerDrift,
  registerHealth,
  registerTest,
  registerChaos,
  registerAccess,
  registerOpen,
  registerVolumes,
  registerLogs,
  registerBackup,
  registerRestore,
  registerRepair,
  registerPki,
  registerImages,
  registerClean,
  registerCompletion,
];
