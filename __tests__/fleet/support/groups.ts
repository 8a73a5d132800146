import { type Group, planGroups } from "../../../lib/plan/groups";
import type { ServiceName } from "../../../lib/plan/services";
import type { FleetContext } from "./context";
import type { Faults } from "./faults";
import type { FleetStack } from "./fleet-stack";
import { countAt, type LoadReport, type NodeCounts } from "./load";

export const STORES: readonly ServiceName[] = ["vmstorage", "vmsingle", "vlstorage", "vtstorage"];
export const GROUPS: readonly Group[] = ["a", "b"];

export function otherGroup(group: Group): Group {
  return group === "a" ? "b" : "a";
}

/** The stores of a storage group, which may be away all together. */
export class GroupStores {
  constructor(
    private readonly stack: FleetStack,
    private readonly faults: Faults,
  ) {}

  public async stop(group: Group): Promise<void> {
    await Promise.all((await this.of(group)).map((container) => this.faults.stop(container)));
  }

  public async start(group: Group): Promise<void> {
    await Promise.all((await this.of(group)).map((container) => this.faults.start(container)));
  }

  private async of(group: Group): Promise<readonly ReturnType<FleetStack["container"]>[]> {
    const nodes = planGroups(this.stack.nodes)[group];
    const stores = nodes.map(async (node) => {
      const services = await this.stack.services(node);
      return STORES.filter((service) => services.includes(service)).map((service) =>
        this.stack.container(node, service),
      );
    });
    return (await Promise.all(stores)).flat();
  }
}

/** What every node answers from one group alone; nothing of the other one can hide what it lacks. */
export interface GroupCounts {
  readonly group: Group;
  readonly counts: readonly NodeCounts[];
}

/** Longer than a backlog takes to be drained. */
const DRAIN_SECONDS = 240;

/**
 * Counts what each group holds, through the access points: the stores of the other group are stopped meanwhile, in
 * order, so that they lose nothing by it.
 * @param groups in this order; the last one answers from then on, because a choice is kept
 */
export async function countInGroups(
  context: FleetContext,
  stack: FleetStack,
  faults: Faults,
  reports: readonly LoadReport[],
  groups: readonly Group[] = GROUPS,
): Promise<readonly GroupCounts[]> {
  const stores = new GroupStores(stack, faults);
  const all: GroupCounts[] = [];
  for (const group of groups) {
    await stores.stop(otherGroup(group));
    try {
      all.push({ group, counts: await countAt(context, stack, reports, { seconds: DRAIN_SECONDS }) });
    } finally {
      await stores.start(otherGroup(group));
    }
  }
  return all;
}
