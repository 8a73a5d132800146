import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { PORTS } from "../../lib/plan/ports";
import type { ServicePlan } from "../../lib/plan/service-plan";
import { lastLogLines } from "../engine-logs";
import { CliError, Interrupted } from "../failure";
import { inOrder } from "../orderly";
import type { Progress } from "../progress";
import type { Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { copyIn } from "./copy";
import type { BackupStore, Manifest } from "./manifest";
import type { Repository } from "./repository";
import { Room, removeContainer } from "./room";
import { atStore, nameOf, rowsIn, type StoreOnHost, storesOn } from "./store";
import { freeBytes, noSpace, spaceFor } from "./volume-state";

/** A store opens its parts when it starts; large ones take their time. */
const START_SECONDS = 300;

export interface VerifyRequest {
  readonly session: Session;
  readonly progress: Progress;
  readonly repository: Repository;
  readonly manifest: Manifest;
  readonly nodes: readonly SeenNode[];
  /** Of the fleet: what a store leaves free on a disk. */
  readonly minFreeDiskMiB: number;
}

/**
 * Restores every store of a backup into a scratch store of its own, on the host that it is of where that answers, and
 * compares what the store counts then with what was frozen. Nothing is left of it.
 * @returns whether all counts are equal
 */
export async function verifyBackup(request: VerifyRequest): Promise<boolean> {
  let same = true;
  for (const backup of request.manifest.stores) {
    const node =
      request.nodes.find(({ plan }) => plan.name === backup.node) ??
      request.nodes.find((one) => storesOn(one).some(({ signal }) => signal === backup.signal));
    const store = node && storesOn(node).find(({ signal }) => signal === backup.signal);
    if (store === undefined || store.node.plan.stores[store.signal].layout !== backup.layout) throw noScratch(backup);
    if (request.session.interrupt.aborted) throw new Interrupted("the verification was given up");
    const rows = await request.progress.step(
      backup.node,
      `${backup.signal} are restored into a scratch store`,
      () => inOrder("the scratch store is removed", () => atStore(store, () => countInScratch(request, backup, store))),
      (found) =>
        found === backup.rows
          ? `${backup.signal}: ${found} rows, as many as were backed up`
          : `${backup.signal}: ${found} rows, and ${backup.rows} were backed up`,
    );
    same &&= rows === backup.rows;
  }
  return same;
}

function noScratch({ signal, layout, node }: BackupStore): CliError {
  return new CliError({
    code: "backup/no-scratch",
    what: `no node can run a scratch store for ${signal} of ${node}, which has the ${layout} layout`,
    where: "fleet.layouts",
    fix: "verify it with the fleet that it was taken of",
  });
}

async function countInScratch(request: VerifyRequest, backup: BackupStore, store: StoreOnHost): Promise<number> {
  const { session, repository } = request;
  const { node, service, path, data, signal } = store;
  const { plan, engine } = node;
  const { client } = engine;
  const scratch = `${plan.prefix}-scratch-${signal}`;
  const folder = `${path}/data`;
  await removeScratch(client, scratch);
  const room = await Room.open({
    ...{ client, image: plan.images.haproxy.ref, name: `${scratch}-room` },
    mounts: [{ source: scratch, path }],
  });
  try {
    const reserve = request.minFreeDiskMiB * 1024 ** 2;
    const free = await freeBytes(room, path);
    if (spaceFor(backup) + reserve > free)
      throw new CliError(noSpace(`a scratch store for ${nameOf(store)}`, plan.name, spaceFor(backup) + reserve, free));
    await copyIn(room, folder, backup, repository, {
      ...{ owner: data.owner, interrupt: session.interrupt },
      onBytes: () => undefined,
    });
    const container = await client.createContainer({
      name: scratch,
      Image: plan.images[service.image].ref,
      Cmd: [...scratchCommand(service.command, folder)],
      User: service.user,
      HostConfig: {
        NetworkMode: `container:${room.id}`,
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
        Memory: service.memoryMiB * 1024 ** 2,
        Tmpfs: { ...service.tmpfs },
        Mounts: [{ Type: "volume", Source: scratch, Target: path }],
      },
    });
    await container.start();
    return await countOnceUp(client, room, service, scratch);
  } catch (error) {
    if (session.interrupt.aborted) throw new Interrupted("the verification was given up");
    throw error;
  } finally {
    await removeScratch(client, scratch, room);
  }
}

/** As the fleet runs it, but that it keeps what it is given: however old, and each sample by itself. */
export function scratchCommand(command: readonly string[], folder: string): readonly string[] {
  const changed = /^--?(storageDataPath|retentionPeriod|dedup\.minScrapeInterval)=/;
  return [
    ...command.filter((argument) => !changed.test(argument)),
    ...[`-storageDataPath=${folder}`, "-retentionPeriod=100y"],
  ];
}

async function countOnceUp(client: Docker, room: Room, { service }: ServicePlan, scratch: string): Promise<number> {
  const url = `http://127.0.0.1:${PORTS[service as keyof typeof PORTS]}/metrics`;
  for (const end = performance.now() + START_SECONDS * 1000; ; await sleep(500)) {
    const text = await room.run(`wget -q -T 20 -O - ${url}`).catch(() => "");
    if (text !== "") return rowsIn(text);
    const { State } = await client.getContainer(scratch).inspect();
    if (State.Running && performance.now() < end) continue;
    throw new CliError({
      code: "backup/scratch-failed",
      what: State.Running
        ? `the scratch store does not answer within ${START_SECONDS} s`
        : `the scratch store cannot open what was restored: it ended with status ${State.ExitCode}`,
      where: scratch,
      tail: await lastLogLines(client, scratch),
      fix: "see its last words; the backup may be of another version of the store than the fleet runs",
    });
  }
}

async function removeScratch(client: Docker, scratch: string, room?: Room): Promise<void> {
  await removeContainer(client, scratch);
  await (room?.close() ?? removeContainer(client, `${scratch}-room`));
  const volume = client.getVolume(scratch);
  // The engine may still be taking the room down.
  for (let attempt = 0; ; attempt++) {
    const failure = await volume.remove().then(
      () => undefined,
      (error: Error & { readonly statusCode?: number }) => error,
    );
    if (failure === undefined || failure.statusCode === 404) return;
    if (attempt >= 20) throw failure;
    await sleep(250);
  }
}
