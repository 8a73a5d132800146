import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import { compareVersions } from "../../lib/images/version";
import type { Group } from "../../lib/plan/groups";
import type { Trouble } from "../failure";
import type { SeenNode } from "../up/roll-out";
import type { BackupStore, Manifest } from "./manifest";
import { nameOf, type StoreOnHost, storesOn, versionOf } from "./store";

/** A store that gets what another one, or itself, had. */
export interface Target {
  readonly store: StoreOnHost;
  readonly backup: BackupStore;
}

/** Which stores get what; every group gets everything, as every group has it. */
export interface TargetRequest {
  readonly manifest: Manifest;
  /** Nodes of the fleet that may get something. */
  readonly nodes: readonly SeenNode[];
  readonly signals: readonly Signal[];
}

/** What goes where. */
export interface Targets {
  readonly targets: readonly Target[];
  /** What a group cannot get, in words: it has another number of stores than the backup. */
  readonly unfilled: readonly string[];
  /** Everything that keeps the backup from being brought back. */
  readonly troubles: readonly Trouble[];
}

/** Pairs the stores of each group with those of the backup, place by place. */
export function targetsOf({ manifest, nodes, signals }: TargetRequest): Targets {
  const groups = [...new Set(nodes.map(({ plan }) => plan.group))].toSorted();
  const found = SIGNALS.filter((signal) => signals.includes(signal)).map((signal): Targets => {
    const pairs = groups.map((group) => {
      const stores = nodes.filter(({ plan }) => plan.group === group).flatMap(storesOn);
      const own = stores.filter((store) => store.signal === signal);
      return { group, stores: own, backups: shardsFor(manifest, signal, group, own.length) };
    });
    const targets = pairs.flatMap(({ stores, backups = [] }) =>
      stores.flatMap((store, index) => (backups[index] === undefined ? [] : [{ store, backup: backups[index] }])),
    );
    const unfilled = pairs.filter(({ backups }) => backups === undefined);
    if (targets.length === 0) return { targets, unfilled: [], troubles: [noFit(manifest, signal, unfilled)] };
    return {
      targets,
      unfilled: unfilled.map(({ group }) => `${signal} of group ${group}`),
      troubles: targets.flatMap(unfit),
    };
  });
  return {
    targets: found.flatMap(({ targets }) => targets),
    unfilled: found.flatMap(({ unfilled }) => unfilled),
    troubles: found.flatMap(({ troubles }) => troubles),
  };
}

/** Of the same group where the backup has it; the parts of two stores cannot be put into one. */
function shardsFor(
  { stores }: Manifest,
  signal: Signal,
  group: Group,
  count: number,
): readonly BackupStore[] | undefined {
  const of = (one: Group) => stores.filter((store) => store.signal === signal && store.group === one);
  return [of(group), of("a"), of("b")].find((shards) => shards.length === count && count > 0);
}

function noFit(
  { stores }: Manifest,
  signal: Signal,
  groups: readonly { readonly group: Group; readonly stores: readonly StoreOnHost[] }[],
): Trouble {
  const count = stores.filter((store) => store.signal === signal).length;
  const own = groups.map((one) => `group ${one.group} has ${one.stores.length}`).join(", ");
  return {
    code: "restore/other-size",
    what: `${signal} were backed up from ${count} ${count === 1 ? "store" : "stores"}, and ${own}: the parts of two stores cannot be put into one`,
    where: "fleet.nodes",
    fix: "restore into a fleet that has a group of as many nodes",
  };
}

function unfit({ store, backup }: Target): readonly Trouble[] {
  const { layout } = store.node.plan.stores[store.signal];
  const about = { where: `${store.node.plan.prefix}-${store.service.service}` };
  if (layout !== backup.layout && store.signal === "metrics") {
    return [
      {
        ...{ code: "restore/other-layout", ...about },
        what: `${nameOf(store)} has the ${layout} layout, and the backup is of the ${backup.layout} one: neither reads the other's data`,
        fix: 'set the layout back, or export and import the data (README, "Changing the layout")',
      },
    ];
  }
  if (compareVersions(versionOf(store), backup.version) < 0) {
    return [
      {
        ...{ code: "restore/newer-store", ...about },
        what: `${nameOf(store)} runs version ${versionOf(store)}, and the backup was written by ${backup.version}, which may write what an older one cannot read`,
        fix: "bring the fleet to that version first: images in fleet.ts, then npm run mirador -- up",
      },
    ];
  }
  return [];
}
