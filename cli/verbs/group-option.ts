import { Option } from "commander";

/** Names a storage group. @param more words that stand for groups */
export const groupOption = (more: readonly string[] = []): Option =>
  new Option("--group <group>", "this storage group").choices(["a", "b", ...more]);
