import type { Command } from "commander";
import type { Run } from "../mirador";
import { registerRepair } from "./repair";
import { registerUp } from "./up";

/** Adds a verb to the command line. */
export type Register = (program: Command, run: Run) => void;

/** In the order of the help. */
export const VERBS: readonly Register[] = [registerUp, registerRepair];
