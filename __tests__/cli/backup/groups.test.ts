import { describe, expect, test } from "vitest";
import { type CountedStore, type GroupView, type PickRequest, pickGroups } from "../../../cli/backup/groups";
import type { BackupStore, Manifest } from "../../../cli/backup/manifest";
import { type StoreOnHost, storesOn } from "../../../cli/backup/store";
import { targetsOf } from "../../../cli/backup/target";
import { volumeTroubles } from "../../../cli/backup/volume-state";
import type { SeenNode } from "../../../cli/up/roll-out";
import { planWithoutSecrets } from "../../../inputs/load-plan";
import { defineFleet } from "../../../lib";
import { SIGNALS, type Signal } from "../../../lib/fleet/definition";
import { storeExporter } from "../../../lib/otel/gateway";
import type { Group } from "../../../lib/plan/groups";

/** A fleet of so many nodes, of which the engines are never asked. */
function seen(count: number, layout: "cluster" | "single" = "cluster"): readonly SeenNode[] {
  const nodes = Array.from({ length: count }, (_, index) => ({
    ...{ name: `node${index + 1}`, address: `10.0.0.${index + 1}` },
    docker: { kind: "ssh", host: `10.0.0.${index + 1}` } as const,
  }));
  const { nodes: plans } = planWithoutSecrets(defineFleet({ nodes, layouts: { metrics: layout } }));
  return plans.map((plan) => ({ plan, engine: {} as SeenNode["engine"], deployed: true }));
}

const storesOf = (nodes: readonly SeenNode[]): readonly CountedStore[] =>
  nodes.flatMap(storesOn).map((store) => ({ ...store, rows: 1_000 }));

function request(nodes: readonly SeenNode[], change: Partial<PickRequest> = {}): PickRequest {
  const stores = storesOf(nodes);
  const holders = Object.fromEntries(
    SIGNALS.map((signal) => [
      signal,
      stores
        .filter((store) => store.signal === signal)
        .map(({ node: { plan } }) => ({ node: plan.name, group: plan.group })),
    ]),
  ) as Record<Signal, { node: string; group: Group }[]>;
  return { fleet: { nodes }, holders, stores, views: [], ...change };
}

const view = (node: string, group: string, queues: Record<string, number> = {}): GroupView => ({
  ...{ node, choice: { logs: group, traces: group } },
  queues: new Map(Object.entries(queues)),
});

function picked(of: PickRequest): readonly string[] {
  return pickGroups(of).map((one) =>
    "code" in one ? one.code : `${one.signal} ${one.group} ${one.stores.map(({ node }) => node.plan.name).join(",")}`,
  );
}

const without = (nodes: readonly SeenNode[], name: string) =>
  storesOf(nodes).filter(({ node }) => node.plan.name !== name);

describe("the group that is backed up", () => {
  test("is the only one of one node", () => {
    expect(picked(request(seen(1)))).toEqual(["metrics a node1", "logs a node1", "traces a node1"]);
  });

  /** Both groups have as many rows, on however many nodes. */
  const even = (nodes: readonly SeenNode[]) =>
    storesOf(nodes).map((store) => ({ ...store, rows: store.node.plan.group === "a" ? 500 : 1_000 }));

  test("is the one that most nodes let answer, and of metrics the one for which the least waits", () => {
    const views = [
      view("node1", "b", { [storeExporter("metrics", "a")]: 4096 }),
      view("node2", "b"),
      view("node3", "a"),
    ];
    expect(picked(request(seen(3), { views, stores: even(seen(3)) }))).toEqual([
      "metrics b node2",
      "logs b node2",
      "traces b node2",
    ]);
  });

  test("is the one with more rows, whatever the other one lacks them for; that is told", () => {
    const nodes = seen(3);
    // Group b has one node, so that both have the same when that one has twice as much.
    const rowsOf = (node: string) => ({ node1: 500, node2: 1_500, node3: 500 })[node] ?? 0;
    const stores = storesOf(nodes).map((store) => ({ ...store, rows: rowsOf(store.node.plan.name) }));
    const views = [view("node1", "a"), view("node2", "a"), view("node3", "a")];
    expect(picked(request(nodes, { stores, views }))).toEqual(["metrics b node2", "logs b node2", "traces b node2"]);
    expect(pickGroups(request(nodes, { stores, views }))[1]).toMatchObject({
      note: "group a has 1000 rows of logs, group b has 1500",
    });
  });

  test("is whole: one of which a store does not answer is left for the other one", () => {
    const nodes = seen(3);
    expect(picked(request(nodes, { stores: without(nodes, "node3"), views: [view("node1", "a")] }))).toEqual([
      ...["metrics b node2", "logs b node2", "traces b node2"],
    ]);
  });

  test("is the one that was asked for, or nothing", () => {
    const nodes = seen(3);
    expect(picked(request(nodes, { wanted: "a" }))).toContain("logs a node1,node3");
    expect(picked(request(nodes, { wanted: "a", stores: without(nodes, "node3") }))).toEqual(
      SIGNALS.map(() => "backup/no-group"),
    );
    const both = picked(request(nodes, { wanted: "all" }));
    expect(both).toHaveLength(6);
    expect(both).toEqual(expect.arrayContaining(["traces a node1,node3", "traces b node2"]));
    expect(picked(request(nodes, { wanted: "all", stores: without(nodes, "node2") }))).toContain("backup/no-group");
  });

  test("has its metrics at its first node in the single layout", () => {
    expect(picked(request(seen(4, "single"), { wanted: "all" }))).toEqual(
      expect.arrayContaining(["metrics a node1", "metrics b node2", "logs a node1,node3", "logs b node2,node4"]),
    );
  });
});

/** A backup of these stores. */
function backupOf(stores: readonly StoreOnHost[], change: Partial<BackupStore> = {}): Manifest {
  return {
    ...{ format: 1, id: "20261123T141500Z", fleet: "mirador", waiting: 0 },
    stores: stores.map(({ signal, node, service }) => ({
      ...{ signal, layout: "cluster", node: node.plan.name, group: node.plan.group, service: service.service },
      ...{ version: "1.0.0", frozen: "2026-11-23T14:15:00.000Z", rows: 1, files: [] },
      ...change,
    })),
  };
}

describe("where a backup goes", () => {
  const pairs = (nodes: readonly SeenNode[], manifest: Manifest, signals: readonly Signal[] = ["logs"]) => {
    const { targets, unfilled, troubles } = targetsOf({ nodes, manifest, signals });
    return {
      targets: targets.map(({ store, backup }) => `${backup.signal} ${backup.node} > ${store.node.plan.name}`),
      unfilled,
      troubles: troubles.map(({ code }) => code),
    };
  };
  const groupOf = (nodes: readonly SeenNode[], group: Group) =>
    storesOf(nodes).filter(({ node }) => node.plan.group === group);

  test("is every group of as many nodes, place by place; the other one is named", () => {
    expect(pairs(seen(4), backupOf(groupOf(seen(4), "a")))).toEqual({
      targets: ["logs node1 > node1", "logs node3 > node3", "logs node1 > node2", "logs node3 > node4"],
      ...{ unfilled: [], troubles: [] },
    });
    expect(pairs(seen(3), backupOf(groupOf(seen(3), "a")))).toEqual({
      targets: ["logs node1 > node1", "logs node3 > node3"],
      ...{ unfilled: ["logs of group b"], troubles: [] },
    });
  });

  test("is the same group, where the backup has both", () => {
    expect(pairs(seen(3), backupOf(storesOf(seen(3)))).targets).toEqual([
      ...["logs node1 > node1", "logs node3 > node3", "logs node2 > node2"],
    ]);
  });

  test("is only the signal that was asked for", () => {
    expect(pairs(seen(1), backupOf(storesOf(seen(1))), ["traces"]).targets).toEqual(["traces node1 > node1"]);
  });

  test("is refused where it cannot be read, or not be put together", () => {
    expect(pairs(seen(1), backupOf(groupOf(seen(3), "a"))).troubles).toEqual(["restore/other-size"]);
    expect(pairs(seen(1, "single"), backupOf(storesOf(seen(1))), ["metrics"]).troubles).toEqual([
      "restore/other-layout",
    ]);
    expect(pairs(seen(1), backupOf(storesOf(seen(1)), { version: "99.0.0" })).troubles).toEqual([
      "restore/newer-store",
    ]);
  });
});

test("data is only replaced when that is said, and only where there is room for both", () => {
  const nodes = seen(1);
  const files = [{ path: "a", size: 1000, changed: 0, sha256: "0".repeat(64) }];
  const { targets } = targetsOf({ nodes, manifest: backupOf(storesOf(nodes), { files }), signals: ["logs"] });
  const source = targets[0]?.store.data.source ?? "";
  const codes = (state: { free: number; held: number; swapping?: boolean }, replace = false) =>
    volumeTroubles(targets, new Map([[source, { disk: "sda", swapping: false, ...state }]]), {
      ...{ replace, reserve: 500 },
    }).map(({ code }) => code);
  expect(codes({ free: 2000, held: 0 })).toEqual([]);
  expect(codes({ free: 2000, held: 1 })).toEqual(["restore/holds-data"]);
  expect(codes({ free: 2000, held: 1 }, true)).toEqual([]);
  // What a restore left that was cut off may be anything by now.
  expect(codes({ free: 2000, held: 1, swapping: true })).toEqual(["restore/holds-data"]);
  expect(codes({ free: 1500, held: 0 })).toEqual(["restore/no-space"]);
});

test("stores that share a disk need room for all of them", () => {
  const nodes = seen(1);
  const files = [{ path: "a", size: 1000, changed: 0, sha256: "0".repeat(64) }];
  const { targets } = targetsOf({ nodes, manifest: backupOf(storesOf(nodes), { files }), signals: SIGNALS });
  const state = { free: 3000, held: 0, swapping: false };
  const codes = (disks: readonly string[]) =>
    volumeTroubles(
      targets,
      new Map(targets.map(({ store }, index) => [store.data.source, { ...state, disk: disks[index] ?? "" }])),
      { replace: false, reserve: 0 },
    ).map(({ code }) => code);
  expect(codes(["sda", "sdb", "sdc"])).toEqual([]);
  expect(codes(["sda", "sda", "sda"])).toEqual(["restore/no-space"]);
});
