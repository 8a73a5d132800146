import type { DataVolume, VolumeMount } from "./service-plan";

/**
 * A container that does one piece of work, marks it as done and ends. Terraform waits for its healthcheck, which is
 * green when the work is done: a failed job is tainted and simply runs again at the next apply. A postcondition on an
 * exit status would instead block every later plan until the configuration changes.
 */
export interface JobPlan {
  readonly script: string;
  readonly user: string;
  /** Linux capabilities it needs beside none, in Docker's `CAP_` form. */
  readonly capabilities: readonly string[];
  readonly volumes: readonly VolumeMount[];
  readonly timeoutSeconds: number;
}

/** Jobs of a node, by the name of their containers; their last words are kept until the next deploy. */
export const JOB_NAMES = ["prepare", "haproxy-configure", "ready"] as const;

export const JOB_DONE = "/tmp/done";

/**
 * Gives data volumes to their services' users, refuses data of another format, and refuses a disk that the queues could
 * fill. Only mount points change hands, never what is in them.
 */
export function prepareJob(data: readonly DataVolume[]): JobPlan {
  const mountOf = (source: string): string => mountPath(data.findIndex((volume) => volume.source === source));
  const functions = [MARKERS, ...(data.some(({ births }) => births !== undefined) ? [BIRTHS] : [])];
  const steps = data.flatMap((volume, index) => prepareVolume(volume, mountPath(index), mountOf));
  return {
    script: script([...functions, ...steps, ...checkQueueDisk(data, mountOf)]),
    user: "0:0",
    // A folder that is already its owner's, or closed to others, is as good as an empty volume.
    capabilities: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"],
    volumes: data.map(({ source }, index) => ({ source, path: mountPath(index) })),
    timeoutSeconds: 20,
  };
}

const mountPath = (index: number): string => `/volumes/${index}`;

/**
 * What a data volume says of itself, as files beside the data. They are renamed into place: half a marker on a full disk
 * would refuse every later deploy. A group's marker is as old as the data; what was there before it is older than any.
 */
const MARKERS = String.raw`holds_data() { [ -n "$(ls -A "$1" | grep -vxe lost+found -e '\.mirador-.*')" ]; }
keep() { echo "$2" > "$1.new" && mv "$1.new" "$1"; }
format_is() {
  if [ -f "$1/.mirador-format" ]; then
    held=$(cat "$1/.mirador-format")
    [ "$held" = "$3" ] || stop "$2 holds data of format $held and this deploy wants $3; set the layout back, or export and import the data (README, \"Changing the layout\")"
  elif holds_data "$1"; then
    stop "$2 holds data of an unknown format; if it is $3, say so: echo $3 > $2/.mirador-format"
  else
    keep "$1/.mirador-format" "$3"
  fi
}
group_is() {
  if [ -f "$1/.mirador-group" ]; then
    held=$(cat "$1/.mirador-group")
    [ "$held" = "$3" ] || stop "$2 holds data of storage group $held and this fleet puts the node into group $3: the place in fleet.nodes is the group, so put the list back as it was"
  else
    echo "$3" > "$1/.mirador-group.new"
    if holds_data "$1"; then touch -d @0 "$1/.mirador-group.new"; fi
    mv "$1/.mirador-group.new" "$1/.mirador-group"
  fi
}
members_are() {
  folder=$1; volume=$2; shift 2
  if [ -f "$folder/.mirador-members" ]; then
    for node in $(cat "$folder/.mirador-members"); do
      case " $* " in
        *" $node "*) ;;
        *) stop "node $node holds a part of the data in $volume, which would be out of sight: put the node back into the fleet, or let its part go (the other storage group has it: mirador repair copies it back): echo $* > $volume/.mirador-members" ;;
      esac
    done
  fi
  keep "$folder/.mirador-members" "$*"
}`;

/**
 * The first deploy among several nodes finds data that was written to no other group: it counts as older than any. Only the
 * first node can have been alone, and it is in group a.
 */
const BIRTHS = `born() {
  if [ ! -f "$2" ] && [ "$(cat "$1/.mirador-group")" = a ] && [ $(($(date +%s) - $(stat -c %Y "$1/.mirador-group"))) -ge 60 ]; then
    touch -d @0 "$1/.mirador-group"
  fi
  keep "$2" "$(stat -c %Y "$1/.mirador-group")"
}`;

function prepareVolume(
  { source, owner, format, group, members, births = {} }: DataVolume,
  path: string,
  mountOf: (source: string) => string,
): string[] {
  const volume = `${path} ${shellQuote(source)}`;
  return [
    ...(format === undefined ? [] : [`format_is ${volume} ${format}`]),
    ...(group === undefined ? [] : [`group_is ${volume} ${group}`]),
    ...(members === undefined ? [] : [`members_are ${volume} ${members.join(" ")}`]),
    ...Object.entries(births).map(([file, of]) => `born ${mountOf(of)} ${path}/${file}`),
    `chown ${owner} ${path}`,
  ];
}

/** Queues lie on one disk, the engine's, so they need together what each of them needs. */
function checkQueueDisk(data: readonly DataVolume[], mountOf: (source: string) => string): string[] {
  const queues = data.filter(({ requiredFreeMiB }) => requiredFreeMiB !== undefined);
  const [first] = queues;
  if (first === undefined) return [];
  const needed = queues.reduce((sum, { requiredFreeMiB = 0 }) => sum + requiredFreeMiB, 0);
  const paths = queues.map(({ source }) => mountOf(source));
  const held = paths.map((path) => ` + $(du -sk ${path} | cut -f 1) / 1024`).join("");
  return [
    // What the queues already hold is theirs, so it counts as free.
    `free=$(($(df -Pk ${paths[0]} | tail -n 1 | awk '{ print $4 }') / 1024${held}))`,
    `[ "$free" -ge ${needed} ] || stop "the disk of" ${shellQuote(queues.map(({ source }) => source).join(", "))} "has $free MiB for the queues; they need ${needed} MiB: free some space, or set queue.size lower"`,
  ];
}

/** What HAProxy's configuration job needs to know. */
export interface ConfigureRequest {
  /** Where new files were put. */
  readonly inbox: string;
  /** The folder that HAProxy reads. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly owner: string;
}

/**
 * Lets HAProxy itself check the new files, then puts them where it reads them. A file that HAProxy refuses never gets
 * there, so a later restart still finds the one that works. The container is kept for its last words and must not keep keys:
 * its inbox is gone whatever came of it, and every new container brings its own.
 */
export function configureJob({ inbox, folder, files, owner }: ConfigureRequest): JobPlan {
  const steps = [
    `trap 'rm -rf ${inbox}' EXIT`,
    "umask 077",
    // For the check the certificate is where it is now, not where it will be.
    `sed 's#${folder}/#${inbox}/#g' ${inbox}/haproxy.cfg > /tmp/check.cfg`,
    'haproxy -c -f /tmp/check.cfg > /tmp/check.log 2>&1 || { cat /tmp/check.log >&2; stop "HAProxy refuses the new configuration; the running one stays"; }',
    // Renamed into place, so that HAProxy never reads half a file.
    ...files.flatMap((file) => [
      `rm -f ${folder}/.${file}; cp ${inbox}/${file} ${folder}/.${file}`,
      `chmod 0400 ${folder}/.${file}`,
      `chown ${owner} ${folder}/.${file}`,
      `mv -f ${folder}/.${file} ${folder}/${file}`,
    ]),
    // The script ends in `exec`, which runs no trap.
    `rm -rf ${inbox}`,
  ];
  const once = [
    `if [ -d ${inbox} ]; then`,
    ...steps.map((step) => `  ${step}`),
    'else echo "mirador: started again, with nothing new to put in place"; fi',
  ];
  return { script: script(once), user: "0:0", capabilities: ["CAP_CHOWN"], volumes: [], timeoutSeconds: 30 };
}

export interface ReadyRequest {
  /** What `/config` answers when the new file is in use. */
  readonly configHash: string;
  /** How long HAProxy's checks may take to notice that a service is gone. */
  readonly settleSeconds: number;
  /** HAProxy's own user. */
  readonly user: string;
}

/**
 * Runs in HAProxy's process namespace: makes it read the new file if it has not yet, waits until that file is the one
 * that answers, and then until every service is up. It begins to ask when every check has had the time to notice that
 * a service was replaced a moment ago.
 */
export function readyJob(base: string, { configHash, settleSeconds, user }: ReadyRequest): JobPlan {
  const steps = [
    `ask() { wget -q -T 3 -O - ${base}/$1 2>/dev/null || true; }`,
    "tries=0",
    `while live=$(ask config); [ "$live" != ${configHash} ]; do`,
    '  if [ -n "$live" ] && [ $((tries % 20)) -eq 0 ]; then echo "mirador: reload"; kill -USR2 1; fi',
    "  tries=$((tries + 1)); sleep 0.5",
    "done",
    `sleep ${settleSeconds}; seen=0; said=`,
    'while [ "$seen" -lt 2 ]; do',
    "  missing=$(ask waiting-for)",
    '  if [ "$missing" = nothing ]; then seen=$((seen + 1)); else seen=0; [ "$missing" = "$said" ] || echo "mirador: waiting for $missing"; said=$missing; fi',
    "  sleep 0.5",
    "done",
  ];
  // HAProxy's own user: it may signal HAProxy without any capability, and root without capabilities may not.
  return { script: script(steps), user, capabilities: [], volumes: [], timeoutSeconds: 90 };
}

/** Waits until each URL answers 200; for constructs that stand alone, without HAProxy's readiness. */
export function waitJob(urls: readonly string[]): JobPlan {
  const steps = urls.map(
    (url) =>
      `until wget -q -T 3 -O /dev/null ${shellQuote(url)}; do echo "mirador: waiting for "${shellQuote(url)}; sleep 1; done`,
  );
  return { script: script(steps), user: "65534:65534", capabilities: [], volumes: [], timeoutSeconds: 60 };
}

/** A job says in its own words why it stops, on the output that `docker logs` shows. */
function script(steps: readonly string[]): string {
  const head = ["set -eu", 'stop() { echo "mirador: $*" >&2; exit 1; }'];
  // It stays a while, so that Terraform sees it healthy before it is gone.
  return [...head, ...steps, `touch ${JOB_DONE}`, "exec sleep 90"].join("\n");
}

/** A text as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
