import type { Trouble } from "../failure";
import { sizeText } from "../queues";
import { folderOf, readOnHost } from "../up/host-reader";
import type { SeenNode } from "../up/roll-out";
import { type BackupStore, bytesOf } from "./manifest";
import type { Room } from "./room";
import { nameOf } from "./store";
import type { Target } from "./target";

/** Where data lies until it takes the place of what is there; on the same disk, so that it is only renamed. */
export const STAGED = ".mirador-restore";
/** While one takes the place of the other. */
export const SWAPPING = ".mirador-restore.swapping";
/** What was there before, until it is removed. */
export const REPLACED = ".mirador-replaced";

/** A volume before something is restored into it. */
export interface VolumeState {
  /** Device of its disk. */
  readonly disk: string;
  /** Bytes free on its disk, with what an earlier restore left there, which goes. */
  readonly free: number;
  /** Bytes of data in it; 0 when there is none. */
  readonly held: number;
  /** A restore was killed when it put the data into place. */
  readonly swapping: boolean;
}

/** Space that stays free beside what is restored. */
const MARGIN = 1.05;

/**
 * Looks at the volumes of a node; those that do not exist yet are left out. Folders of the host are looked into whether the
 * node is deployed or not: this way of mounting makes none.
 */
export async function volumeStates(
  { plan, engine }: SeenNode,
  targets: readonly Target[],
): Promise<ReadonlyMap<string, VolumeState>> {
  const data = targets.map(({ store }) => store.data);
  const question = { client: engine.client, image: plan.images.haproxy.ref, data, deployed: true, hostNetwork: false };
  const { text, sources } = await readOnHost(question, (present) =>
    present
      .map((_, index) => {
        const folder = folderOf(index);
        return [
          `held=$(ls -A ${folder} | grep -vxe lost+found -e '\\.mirador-.*' | head -n 1)`,
          `swapping=no; [ ! -f ${folder}/${SWAPPING} ] || swapping=yes`,
          `left=$(du -skc ${folder}/${STAGED} ${folder}/${REPLACED} 2> /dev/null | tail -n 1 | cut -f1)`,
          `echo "${index} $(df -Pk ${folder} | tail -n 1 | awk '{ print $1, $4 }') \${left:-0} $([ -z "$held" ] && echo 0 || du -sk ${folder} | cut -f1) $swapping"`,
        ].join("\n");
      })
      .join("\n"),
  );
  const lines = text.split("\n").map((line) => line.trim().split(" "));
  return new Map(
    lines.flatMap(([index, disk = "", free, left, held, swapping]) => {
      const source = sources[Number(index)];
      if (index === "" || source === undefined) return [];
      return [
        [
          source,
          {
            ...{ disk, free: 1024 * (Number(free) + Number(left)) },
            ...{ held: 1024 * Number(held), swapping: swapping === "yes" },
          },
        ] as const,
      ];
    }),
  );
}

/**
 * What is in the way of putting a backup on the volumes of one host.
 * @param replace what is there may go
 * @param reserve bytes that stores leave free: below it they take nothing more
 */
export function volumeTroubles(
  targets: readonly Target[],
  states: ReadonlyMap<string, VolumeState>,
  { replace, reserve }: { readonly replace: boolean; readonly reserve: number },
): readonly Trouble[] {
  const held = targets.flatMap(({ store }): Trouble[] => {
    const state = states.get(store.data.source);
    if (state === undefined || state.held === 0 || replace) return [];
    return [
      {
        code: "restore/holds-data",
        what: state.swapping
          ? `${nameOf(store)} has what a restore left that was cut off`
          : `${nameOf(store)} has ${sizeText(state.held)} of data, which would be gone`,
        where: store.data.source,
        fix: state.swapping
          ? "bring it back once more, with --replace"
          : "take a backup of it first if it is worth something; then say --replace",
      },
    ];
  });
  const disks = [...new Set([...states.values()].map(({ disk }) => disk))];
  const full = disks.flatMap((disk): Trouble[] => {
    const here = targets.filter(({ store }) => states.get(store.data.source)?.disk === disk);
    const free = Math.min(...here.map(({ store }) => states.get(store.data.source)?.free ?? 0));
    const needed = here.reduce((all, { backup }) => all + spaceFor(backup), reserve);
    return needed <= free ? [] : [noSpace(here.map(({ store }) => nameOf(store)).join(", "), disk, needed, free)];
  });
  return [...held, ...full];
}

/** Bytes that a store of a backup takes on a disk, with some to spare. */
export const spaceFor = (backup: BackupStore): number => bytesOf(backup) * MARGIN;

/** @param needed bytes, with what stores leave free */
export function noSpace(what: string, where: string, needed: number, free: number): Trouble {
  return {
    code: "restore/no-space",
    what: `${what} would need ${sizeText(needed)} with what has to stay free, and there are ${sizeText(free)}: what is there goes only when all of the backup has arrived`,
    where,
    fix: "free some space on that disk, or remove what is there: npm run mirador -- clean",
  };
}

/** Bytes that are free where a folder of a room is. */
export async function freeBytes(room: Room, folder: string): Promise<number> {
  return 1024 * Number(await room.run(`df -Pk ${folder} | tail -n 1 | awk '{ print $4 }'`));
}
