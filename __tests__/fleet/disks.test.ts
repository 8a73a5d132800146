import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, test } from "vitest";
import { run } from "../../images/shell";
import { SIGNALS } from "../../lib/fleet/definition";
import { nodePrefix } from "../../lib/plan/node-plan";
import { PORTS } from "../../lib/plan/ports";
import { emptyHosts, useFleet } from "./support/deployed";
import type { FleetStack } from "./support/fleet-stack";
import { fleetOn, type RigFleet } from "./support/fleets";
import { askContainer, reach } from "./support/reach";
import { context, rig } from "./support/shared-rig";
import { say } from "./support/summary";
import { HOLD_SECONDS, survive } from "./support/survive";
import { waitFor } from "./support/wait";

const MIB = 2 ** 20;
const DISK_MIB = 256;
/** Stores take nothing more when less is free. */
const MIN_FREE_MIB = 64;
const LEFT_MIB = 32;

const definition: RigFleet = {
  ...fleetOn(rig.hosts, "full-disk", context.metricsLayout),
  minFreeDisk: `${MIN_FREE_MIB}MiB`,
};

const STORE_PORTS = [
  ["vmstorage", PORTS.vmstorage],
  ["vmsingle", PORTS.vmsingle],
  ["vlstorage", PORTS.vlstorage],
  ["vtstorage", PORTS.vtstorage],
] as const;

/** The disk that all stores of a node are on, and nothing else: its queues stay where they are. */
class StoresDisk {
  private readonly folder: string;

  constructor(private readonly node: string) {
    this.folder = join(context.folder, `disk-${node}`);
  }

  /** Volumes that the deploy then finds: a node's folders cannot be another node's, and these hosts share a machine. */
  public async mount(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", this.folder]);
    const index = definition.nodes.findIndex(({ name }) => name === this.node);
    for (const signal of SIGNALS) {
      const device = join(this.folder, signal);
      await mkdir(device);
      await rig.hosts[index]?.docker.createVolume({
        Name: `${nodePrefix(definition.name, this.node)}-${signal}-data`,
        DriverOpts: { type: "none", o: "bind", device },
      });
    }
  }

  public async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    await writeFile(this.ballast, Buffer.alloc(bavail * bsize - LEFT_MIB * MIB));
  }

  /** Until every store on it has noticed; they look once a second. */
  public async untilReadOnly(stack: FleetStack): Promise<void> {
    const services = await stack.services(this.node);
    for (const [service, port] of STORE_PORTS.filter(([name]) => services.includes(name))) {
      await waitFor(`${service} of ${this.node} read-only`, { seconds: 60 }, async () => {
        const metrics = await askContainer(
          stack.host(this.node),
          stack.containerName(this.node, service),
          port,
          "/metrics",
        );
        return /_storage_is_read_only(\{[^}]*\})? 1$/m.test(metrics);
      });
    }
  }

  public async free(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  public async unmount(): Promise<void> {
    await run("umount", ["--lazy", this.folder]);
  }

  private get ballast(): string {
    return join(this.folder, "ballast");
  }
}

describe(`a full disk on one of three nodes (${context.title})`, () => {
  const disks = { node1: new StoresDisk("node1"), node2: new StoresDisk("node2") };
  const { stack } = useFleet(definition, async () => {
    for (const disk of Object.values(disks)) await disk.mount();
  });

  afterEach(async () => {
    for (const disk of Object.values(disks)) await disk.free();
  });

  afterAll(async () => {
    await emptyHosts();
    for (const disk of Object.values(disks)) await disk.unmount();
  });

  // In full both: one of them is in the group that answers, whatever earlier faults have made of the choice.
  const struck = context.full ? (["node2", "node1"] as const) : (["node2"] as const);
  test.each(struck)("the stores of %s have no space left", async (node) => {
    await survive(stack, {
      name: `full disk of ${node}`,
      begin: async () => {
        say("choice", (await reach(stack.url(node, "stats", "/healthz"))).text.trim());
        await disks[node].fill();
        await disks[node].untilReadOnly(stack);
      },
      holdSeconds: HOLD_SECONDS,
      end: () => disks[node].free(),
      eachGroup: true,
    });
  });
});
