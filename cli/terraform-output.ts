export interface PlanSummary {
  readonly add: number;
  readonly change: number;
  readonly destroy: number;
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly summary: string;
  readonly detail?: string;
  /** Such as `docker_container.gateway`. */
  readonly address?: string;
}

/** How far an apply or destroy is, counted in containers: everything else takes no time. */
export interface ApplyProgress {
  /** Containers that change, by address. */
  readonly planned: readonly string[];
  readonly done: readonly string[];
  /** Addresses that Terraform works on. */
  readonly running: readonly string[];
  /** Ids of the containers that are in the state, as far as Terraform has begun to read them. */
  readonly owned: readonly string[];
  readonly summary: PlanSummary;
  readonly errors: readonly Diagnostic[];
}

/** A line of Terraform's machine-readable output. */
export interface TerraformEvent {
  readonly type?: string;
  readonly change?: { readonly resource?: EventResource; readonly action?: string };
  readonly changes?: { readonly add?: number; readonly change?: number; readonly remove?: number };
  readonly hook?: {
    readonly resource?: EventResource;
    readonly action?: string;
    readonly id_key?: string;
    readonly id_value?: string;
  };
  readonly diagnostic?: Diagnostic;
}

interface EventResource {
  readonly addr?: string;
  readonly resource_type?: string;
}

export const NO_PROGRESS: ApplyProgress = {
  planned: [],
  done: [],
  running: [],
  owned: [],
  summary: { add: 0, change: 0, destroy: 0 },
  errors: [],
};

/** Pure: the progress after one more event. */
export function afterEvent(progress: ApplyProgress, event: TerraformEvent): ApplyProgress {
  const address = event.hook?.resource?.addr ?? event.change?.resource?.addr ?? "";
  const without = progress.running.filter((running) => running !== address);
  switch (event.type) {
    case "refresh_start": {
      const { resource, id_key: key, id_value: id } = event.hook ?? {};
      const known = resource?.resource_type === "docker_container" && key === "id" && id !== undefined;
      return known ? { ...progress, owned: [...progress.owned, id] } : progress;
    }
    case "planned_change":
      return event.change?.resource?.resource_type === "docker_container"
        ? { ...progress, planned: [...progress.planned, address] }
        : progress;
    case "change_summary": {
      const { add = 0, change = 0, remove = 0 } = event.changes ?? {};
      return { ...progress, summary: { add, change, destroy: remove } };
    }
    case "apply_start":
      return { ...progress, running: [...without, address] };
    case "apply_errored":
      return { ...progress, running: without };
    case "apply_complete": {
      // A replaced container is deleted first: it is done when the new one is there.
      const gone = event.hook?.action === "delete" && progress.summary.add > 0;
      const counts = progress.planned.includes(address) && !gone && !progress.done.includes(address);
      return { ...progress, running: without, done: counts ? [...progress.done, address] : progress.done };
    }
    case "diagnostic":
      return event.diagnostic?.severity === "error"
        ? { ...progress, errors: [...progress.errors, event.diagnostic] }
        : progress;
    default:
      return progress;
  }
}

export function parseEvent(line: string): TerraformEvent | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The readable form of errors of commands that know no `-json`. */
export function parseInitErrors(output: string): readonly Diagnostic[] {
  const plain = output.replace(/^[╷│╵] ?/gm, "");
  const blocks = plain.split(/^(?=Error: |Warning: )/m).filter((block) => block.startsWith("Error: "));
  if (blocks.length === 0) return [{ severity: "error", summary: lastLines(plain) }];
  return blocks.map((block) => {
    const [summary = "", ...detail] = block.slice("Error: ".length).trim().split("\n");
    return { severity: "error", summary, detail: detail.join("\n").trim() };
  });
}

/** Of a run that gave no error: what killed it, else what it printed beside its events. */
export function lastWords(output: string, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `terraform was killed by ${signal}`;
  const words = output.split("\n").filter((line) => !line.startsWith("{"));
  return lastLines(words.join("\n"));
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-15).join("\n");
}
