import { stringify } from "yaml";
import type { CollectorConfig } from "./config";

const MARKER = "# Rendered by mirador-stack. Edit the fleet, not this text.\n";

/** YAML as the collector reads it. Operators read it too: no folded lines, no anchors. */
export function renderCollectorConfig(config: CollectorConfig): string {
  return MARKER + stringify(escapeDollars(config), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The collector expands `$` in every value; `$$` is one that stays. */
function escapeDollars(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(escapeDollars);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escapeDollars(inner)]));
}
