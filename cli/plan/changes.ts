import type { TerraformChange, TerraformPlan } from "../terraform-plan";

/** What Terraform would do to a container. */
export type Action = "make" | "replace" | "change" | "start" | "remove";

/** One container that differs from what the fleet says. */
export interface ContainerChange {
  /** Service or job. */
  readonly name: string;
  readonly action: Action;
  /**
   * Why, each in a few words, such as `memory 256 → 512`. Values that may be secret are not among them. Empty for one that
   * is only made anew because others are, as jobs are.
   */
  readonly because: readonly string[];
  /** It runs now, as far as Docker knows. */
  readonly runs: boolean;
  /** Where the difference began: somebody touched the host, or the fleet says something else than at the last deploy. */
  readonly from: "host" | "fleet";
}

/** What Terraform would do to a node. */
export interface NodeChanges {
  readonly containers: readonly ContainerChange[];
  /** Images, networks and volumes that differ. */
  readonly others: readonly OtherChange[];
  /** Names of Docker volumes that would be removed with what is in them. */
  readonly removedVolumes: readonly string[];
  /** Containers that would write to another place than until now. */
  readonly moves: readonly DataMove[];
}

/** What differs and is no container. */
export interface OtherChange {
  /** Terraform's, such as `docker_image.haproxy`. */
  readonly address: string;
  readonly action: Action;
}

/** What a container keeps stays where it was, and it goes on with what is in the other place. */
export interface DataMove {
  readonly container: string;
  /** Volume's name or folder of the host. */
  readonly from: string;
  readonly to: string;
}

/** Pure: Terraform's plan in the words of a node. */
export function changesOf({ resource_changes = [], resource_drift = [] }: TerraformPlan): NodeChanges {
  const drifted = new Map(resource_drift.map((drift) => [drift.address, drift]));
  const due = resource_changes.filter(({ change }) => change.actions.some((action) => !/^(no-op|read)$/.test(action)));
  const containers = due.filter(({ type }) => type === "docker_container");
  return {
    containers: containers.map((resource) => containerChange(resource, drifted.get(resource.address))),
    others: due
      .filter(({ type }) => type !== "docker_container")
      .map(({ address, change }) => ({ address, action: actionOf(change) })),
    removedVolumes: due.flatMap(({ type, change }) =>
      type === "docker_volume" && change.actions.includes("delete") ? textOf(change.before?.name) : [],
    ),
    moves: containers.flatMap(movesOf),
  };
}

/** Whether anything at all would be done. */
export function differs({ containers, others }: NodeChanges): boolean {
  return containers.length + others.length > 0;
}

/**
 * Whether a deploy takes away something that works, for a moment at least. One that only makes or starts what is missing
 * does not.
 * @param services names of those that are no jobs
 */
export function takesAway({ containers }: NodeChanges, services: ReadonlySet<string>): boolean {
  return containers.some(
    ({ name, action, runs }) => runs && (action === "remove" || (action === "replace" && services.has(name))),
  );
}

type Change = TerraformChange["change"];

function containerChange({ name, change }: TerraformChange, drift: TerraformChange | undefined): ContainerChange {
  const because = reasonsOf(change);
  // On the host it is gone when the state says that it was there.
  const gone = drift?.change.actions.includes("delete") === true;
  const touched =
    drift !== undefined && (gone || reasonsOf(reversed(drift.change)).some((one) => because.includes(one)));
  const action = actionOf(change);
  return {
    ...{ name, action, because: gone ? ["its container is gone"] : because },
    runs: change.before !== null && change.before.must_run !== false,
    from: touched ? "host" : "fleet",
  };
}

/** Attributes of the provider's `volumes` that say what is mounted where. */
interface Mount {
  readonly container_path?: string;
  readonly volume_name?: string;
  readonly host_path?: string;
  readonly read_only?: boolean;
}

function movesOf({ name, change: { before, after } }: TerraformChange): readonly DataMove[] {
  const mounts = (values: Change["before"]): readonly Mount[] => (Array.isArray(values?.volumes) ? values.volumes : []);
  const source = ({ volume_name, host_path }: Mount): string => volume_name || host_path || "";
  return mounts(before).flatMap((was): readonly DataMove[] => {
    const now = mounts(after).find(({ container_path }) => container_path === was.container_path);
    if (was.read_only === true || now === undefined || source(now) === source(was)) return [];
    return [{ container: name, from: source(was), to: source(now) }];
  });
}

/** What was changed on the host is what Terraform changes back. */
const reversed = ({ before, after, ...rest }: Change): Change => ({ ...rest, before: after, after: before });

function actionOf({ actions, before, after }: Change): Action {
  if (actions.includes("create")) return actions.includes("delete") ? "replace" : "make";
  if (actions.includes("delete")) return "remove";
  return before?.must_run === false && after?.must_run === true ? "start" : "change";
}

/** Attributes that only repeat others, or that Docker gives. */
const SILENT = new Set(["id", "bridge", "container_logs", "exit_code", "network_data", "must_run"]);

function reasonsOf(change: Change): readonly string[] {
  const { before, after, after_unknown: unknown, before_sensitive, after_sensitive, replace_paths: paths } = change;
  if (before === null || after === null) return [];
  // Of a container that is replaced much else differs, which Docker would say of the new one too.
  const forcing = actionOf(change) === "replace" ? new Set(paths?.map(([first]) => first)) : undefined;
  const secret = (key: string) => isMarked(before_sensitive, key) || isMarked(after_sensitive, key);
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !SILENT.has(key) && forcing?.has(key) !== false,
  );
  const found = keys.flatMap((key) => {
    if (isMarked(unknown, key) || same(before[key], after[key])) return [];
    return secret(key) ? [key] : reasonsFor(key, before[key], after[key]);
  });
  const stopped = before.must_run === false && after.must_run === true;
  return stopped ? ["it does not run", ...found.filter((reason) => reason !== "its published ports")] : found;
}

const isMarked = (marks: unknown, key: string): boolean =>
  typeof marks === "object" && marks !== null && (marks as Record<string, unknown>)[key] === true;

/** Docker writes nothing for what is empty. */
function same(one: unknown, other: unknown): boolean {
  const plain = (value: unknown): string =>
    JSON.stringify(
      value === null || value === "" || (Array.isArray(value) && value.length === 0) ? undefined : value,
    ) ?? "";
  return plain(one) === plain(other);
}

function reasonsFor(key: string, before: unknown, after: unknown): readonly string[] {
  switch (key) {
    case "command":
      return flagReasons(texts(before), texts(after));
    case "env":
      return changedNames(texts(before), texts(after)).map((name) =>
        name.endsWith("_CONFIG") ? "its configuration" : name,
      );
    case "upload":
      return fileReasons(before, after);
    case "volumes":
    case "mounts":
      return ["its volumes"];
    case "ports":
      return ["its published ports"];
    default:
      return [isShort(before) && isShort(after) ? `${key} ${said(before)} → ${said(after)}` : key];
  }
}

const isShort = (value: unknown): boolean =>
  value === null || ["number", "boolean"].includes(typeof value) || (typeof value === "string" && value.length < 80);

const said = (value: unknown): string => (value === null || value === "" ? "none" : String(value));

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const textOf = (value: unknown): readonly string[] => (typeof value === "string" ? [value] : []);

/** `-retentionPeriod=30d → 14d`; flags that are there once. */
function flagReasons(before: readonly string[], after: readonly string[]): readonly string[] {
  const gone = before.filter((flag) => !after.includes(flag));
  const come = after.filter((flag) => !before.includes(flag));
  // What a shell runs has lines, and an equals sign anywhere.
  const nameOf = (flag: string): string => (flag.includes("\n") ? "its script" : (flag.split("=")[0] ?? flag));
  const settingOf = (flag: string): string => (flag.includes("\n") ? "" : flag.slice(nameOf(flag).length + 1));
  const all = [...new Set([...gone, ...come].map(nameOf))];
  return all.map((name) => {
    const [from, to] = [gone, come].map((flags) => flags.filter((flag) => nameOf(flag) === name).map(settingOf));
    const text = (values: readonly string[] = []): string => values.join(",") || "none";
    if (text(from) === text(to)) return name;
    return isShort(text(from)) && isShort(text(to)) ? `${name} ${text(from)} → ${text(to)}` : name;
  });
}

function changedNames(before: readonly string[], after: readonly string[]): readonly string[] {
  const changed = [
    ...before.filter((entry) => !after.includes(entry)),
    ...after.filter((entry) => !before.includes(entry)),
  ];
  return [...new Set(changed.map((entry) => entry.split("=")[0] ?? entry))];
}

interface Upload {
  readonly file?: string;
}

function fileReasons(before: unknown, after: unknown): readonly string[] {
  const files = (value: unknown) =>
    new Map((Array.isArray(value) ? (value as Upload[]) : []).map((one) => [one.file ?? "", JSON.stringify(one)]));
  const [from, to] = [files(before), files(after)];
  const names = [...new Set([...from.keys(), ...to.keys()])].filter((name) => from.get(name) !== to.get(name));
  return names.map((name) => name.split("/").at(-1) ?? name);
}
