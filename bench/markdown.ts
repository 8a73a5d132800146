import type { Machine } from "./machine";

export type Cell = string | number;

/** A Markdown table; the first column is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** Three digits that tell something. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.095 ? 2 : 3;
  return value.toFixed(digits);
}

export function range({ min, max }: { readonly min: number; readonly max: number }): string {
  return `${figure(min)} – ${figure(max)}`;
}

export function machineText(machine: Machine, date: string): string {
  const standIns = machine.parts.filter(({ standIn }) => standIn !== undefined);
  return [
    `Measured ${date} on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Docker ${machine.docker}, cgroup ${machine.cgroup}, Node ${machine.node}, Terraform ${machine.terraform}; the load generator ran on the same machine.`,
    `Images: ${machine.partsFrom}; metrics in the ${machine.metricsLayout} layout: ${machine.parts.map(({ ref }) => `\`${ref}\``).join(", ")}.`,
    standIns.length === 0
      ? "No part is a stand-in."
      : `**Stand-ins:** ${standIns.map(({ key, standIn }) => `${key} (${standIn})`).join("; ")}.`,
  ].join("\n");
}
