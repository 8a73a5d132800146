import type { Trouble } from "../failure";
import { sizeText } from "../queues";
import { folderOf, readOnHost } from "../up/host-reader";
import type { SeenNode } from "../up/roll-out";
import { bytesOf } from "./manifest";
import { nameOf } from "./store";
import type { Target } from "./target";

/** Where data lies until it takes the place of what is there; on the same disk, so that it is only renamed. */
export const STAGED = ".mirador-restore";
/** While one takes the place of the other: a rerun goes on. */
export const SWAPPING = ".mirador-restore.swapping";

/** A volume before something is restored into it. */
export interface VolumeState {
  /** Bytes free on its disk. */
  readonly free: number;
  /** Bytes of data in it; 0 when there is none. */
  readonly held: number;
  /** A restore was killed when it put the data into place. */
  readonly swapping: boolean;
}

/** Space that stays free beside what is restored. */
const MARGIN = 1.05;

/** Looks at the volumes of a node; those that do not exist yet are left out. */
export async function volumeStates(
  { plan, engine, deployed }: SeenNode,
  targets: readonly Target[],
): Promise<ReadonlyMap<string, VolumeState>> {
  const data = targets.map(({ store }) => store.data);
  const question = { client: engine.client, image: plan.images.haproxy.ref, data, deployed, hostNetwork: false };
  const { text, sources } = await readOnHost(question, (present) =>
    present
      .map((_, index) => {
        const folder = folderOf(index);
        return [
          `held=$(ls -A ${folder} | grep -vxe lost+found -e '\\.mirador-.*' | head -n 1)`,
          `swapping=no; [ ! -f ${folder}/${SWAPPING} ] || swapping=yes`,
          `echo "${index} $(df -Pk ${folder} | tail -n 1 | awk '{ print $4 }') $([ -z "$held" ] && echo 0 || du -sk ${folder} | cut -f1) $swapping"`,
        ].join("\n");
      })
      .join("\n"),
  );
  const lines = text.split("\n").map((line) => line.trim().split(" "));
  return new Map(
    lines.flatMap(([index, free, held, swapping]) => {
      const source = sources[Number(index)];
      if (index === "" || source === undefined) return [];
      return [
        [source, { free: 1024 * Number(free), held: 1024 * Number(held), swapping: swapping === "yes" }] as const,
      ];
    }),
  );
}

/** What is in the way of putting a backup there. @param replace what is there may go */
export function volumeTroubles(
  targets: readonly Target[],
  states: ReadonlyMap<string, VolumeState>,
  replace: boolean,
): readonly Trouble[] {
  return targets.flatMap(({ store, backup }): Trouble[] => {
    const state = states.get(store.data.source);
    if (state === undefined) return [];
    const { source } = store.data;
    if (state.held > 0 && !replace && !state.swapping) {
      return [
        {
          code: "restore/holds-data",
          what: `${nameOf(store)} has ${sizeText(state.held)} of data, which would be gone`,
          where: source,
          fix: "take a backup of it first if it is worth something; then say --replace",
        },
      ];
    }
    const needed = bytesOf(backup) * MARGIN;
    if (needed <= state.free) return [];
    return [
      {
        code: "restore/no-space",
        what: `${nameOf(store)} has ${sizeText(state.free)} free and needs ${sizeText(needed)}: what is there goes only when all of the backup has arrived`,
        where: source,
        fix: "free some space on that disk, or remove what is there: npm run mirador -- clean",
      },
    ];
  });
}
