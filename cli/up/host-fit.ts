import { compareVersions } from "../../lib/images/version";
import { dataOf, type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import type { Trouble } from "../failure";
import type { TroubledNode } from "../machine";
import type { ReachedEngine } from "./engines";
import type { HostLook } from "./host-look";

/** Older ones lack what containers are made with here. */
const ENGINE_SINCE = "20.10.0";
/** Of `uname -m`; images exist for these. */
const ARCHITECTURES = new Set(["x86_64", "aarch64"]);
/** Docker, the system and file caches need some of a host too. */
const SPARE_MEMORY = 0.1;

/** MiB that must be free for the queues of a node before its services start. */
export function queueDiskNeededMiB(plan: NodePlan): number {
  return dataOf(plan).reduce((all, { requiredFreeMiB = 0 }) => all + requiredFreeMiB, 0);
}

/** A full disk loses what was acknowledged; the deploy's own job refuses it too, when containers were touched already. */
export function diskTroubles(
  { name, where }: TroubledNode,
  plan: NodePlan,
  { queueDiskMiB: free }: Pick<HostLook, "queueDiskMiB">,
): readonly Trouble[] {
  const needed = queueDiskNeededMiB(plan);
  if (free === undefined || free >= needed) return [];
  return [
    {
      code: "machine/disk-short",
      what: `the disk of the queues of ${name} has ${free} MiB for them, and they need ${needed} MiB`,
      where: `${where}, fleet.queue.size`,
      fix: "free some space there (docker system df), or set queue.size lower",
    },
  ];
}

/** @returns what stops a deploy */
export function engineTroubles({ node, where, address, version, host }: ReachedEngine): readonly Trouble[] {
  const about = { where: `${where}.docker (${address})` };
  const old = compareVersions(version.replace(/[-+].*$/, ""), ENGINE_SINCE) < 0;
  return [
    ...(old
      ? [
          {
            ...about,
            code: "machine/engine-too-old",
            what: `the engine of ${node} is Docker ${version}; ${ENGINE_SINCE} or newer is needed`,
            fix: "upgrade it (docs.docker.com/engine/install)",
          },
        ]
      : []),
    ...(ARCHITECTURES.has(host.architecture)
      ? []
      : [
          {
            ...about,
            code: "machine/architecture",
            what: `the host of ${node} is ${host.architecture}, and images are made for ${[...ARCHITECTURES].join(" and ")}`,
            fix: "use another host, or name images of your own for all parts (MIRADOR_IMAGES)",
          },
        ]),
  ];
}

/** Bytes that all containers of a node may take together. */
export function memoryLimits(plan: NodePlan): number {
  return servicesOf(plan).reduce((all, { memoryMiB }) => all + memoryMiB, 0) * 1024 ** 2;
}

/** @returns what can go wrong later */
export function memoryWarnings(plan: NodePlan, { node, where, host }: ReachedEngine): readonly Trouble[] {
  const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const limits = memoryLimits(plan);
  return [
    ...(limits <= host.memory * (1 - SPARE_MEMORY)
      ? []
      : [
          {
            code: "machine/memory-short",
            what: `services of ${node} may take ${gibibytes(limits)} together, and its host has ${gibibytes(host.memory)}: under full load the kernel kills one of them`,
            where,
            fix: "give the host more, or set limits.<service>.memory lower (examples/small-node.ts)",
          },
        ]),
    ...(host.limitsMemory
      ? []
      : [
          {
            code: "machine/no-memory-limits",
            what: `the kernel of ${node} does not hold containers to memory limits: one of them can take all`,
            where,
            fix: "start the kernel with cgroup_enable=memory (docs.docker.com/engine/install/linux-postinstall)",
          },
        ]),
  ];
}

/** @returns what can go wrong later */
export function fileWarnings(
  { name, where }: TroubledNode,
  plan: NodePlan,
  { openFiles }: Pick<HostLook, "openFiles">,
): readonly Trouble[] {
  const needed = servicesOf(plan).reduce((most, service) => Math.max(most, service.openFiles), 0);
  if (openFiles === undefined || openFiles.most - openFiles.used >= needed) return [];
  return [
    {
      code: "machine/files-short",
      what: `the host of ${name} has ${openFiles.used} of at most ${openFiles.most} files open; one service alone may want ${needed}`,
      where,
      fix: "raise it there: sysctl -w fs.file-max=…, and in /etc/sysctl.d to keep it",
    },
  ];
}
