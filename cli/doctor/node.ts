import type { Fleet } from "../../lib/fleet/fleet";
import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import { imageEngine, imageNotHere, imagesOf } from "../engine-images";
import type { Trouble } from "../failure";
import { portHolders, portTroubles, publishedPorts } from "../machine";
import { sizeText } from "../queues";
import { dataTroubles } from "../up/data-marks";
import { asked, type ReachedEngine } from "../up/engines";
import {
  diskTroubles,
  engineTroubles,
  fileWarnings,
  memoryLimits,
  memoryWarnings,
  queueDiskNeededMiB,
} from "../up/host-fit";
import { type HostLook, listenAsSeen, lookAtHost } from "../up/host-look";
import { addressTroubles } from "../up/preflight";
import type { SeenNode } from "../up/roll-out";
import { type Check, checked } from "./check";

/** A node that answers: its engine, its host, and whether the plan fits both. */
export async function nodeChecks(fleet: Fleet, { plan, engine, deployed }: SeenNode): Promise<readonly Check[]> {
  const of = plan.name;
  const { host, version, address, client } = engine;
  const said = `${address}, Docker ${version}, ${host.architecture}, ${host.cpus} CPUs`;
  const about = [
    checked(of, "engine", { errors: engineTroubles(engine) }, said),
    checked(
      of,
      "memory",
      { warnings: memoryWarnings(plan, engine) },
      `limits ${sizeText(memoryLimits(plan))} of ${sizeText(host.memory)}`,
    ),
  ];
  const missing = await asked(engine, async () => {
    const images = imageEngine(client);
    const refs = [...new Set(imagesOf(plan))];
    const found = await Promise.all(refs.map((ref) => images.has(ref)));
    return refs.filter((_, index) => found[index] === false);
  });
  if ("code" in missing) return [...about, checked(of, "images", { errors: [missing] }, "")];
  const images = checked(
    of,
    "images",
    { warnings: missing.map((ref) => imageNotHere(ref, plan, engine)) },
    `all ${new Set(imagesOf(plan)).size} are there`,
  );
  const { ref } = plan.images.haproxy;
  if (missing.includes(ref)) return [...about, images, unseen(of, engine, `${ref} is not there to look with`)];
  const look = await asked(engine, () => lookAtHost({ client, image: ref, data: dataOf(plan), deployed }));
  if ("code" in look) return [...about, images, unseen(of, engine, look.what)];
  const fits = await asked(engine, () => hostChecks(fleet, plan, engine, look));
  return [...about, images, ...("code" in fits ? [unseen(of, engine, fits.what)] : fits)];
}

async function hostChecks(
  fleet: Fleet,
  plan: NodePlan,
  engine: ReachedEngine,
  look: HostLook,
): Promise<readonly Check[]> {
  const { name: of } = plan;
  const about = { name: of, where: engine.where };
  const address = fleet.listenOnAllAddresses ? [] : addressTroubles(about, plan.address, look);
  const published = publishedPorts(plan);
  const own = `${plan.prefix}-haproxy`;
  // Told once, not for each port.
  const ports =
    address.length > 0
      ? []
      : await portTroubles(published, own, await portHolders(engine.client), listenAsSeen(look), about);
  const { openFiles, queueDiskMiB } = look;
  return [
    checked(of, "address", { errors: address }, `${plan.address} is the host's own`),
    checked(of, "ports", { errors: ports }, `all ${published.length} are free or the node's own`),
    checked(
      of,
      "data",
      { errors: dataTroubles(about, dataOf(plan), look.marks) },
      "of this node and its layout, or none",
    ),
    checked(
      of,
      "disk",
      { errors: diskTroubles(about, plan, look) },
      queueDiskMiB === undefined
        ? "not told"
        : `queues need ${sizeText(queueDiskNeededMiB(plan) * 1024 ** 2)}, ${sizeText(queueDiskMiB * 1024 ** 2)} are free`,
    ),
    checked(
      of,
      "open files",
      { warnings: fileWarnings(about, plan, look) },
      openFiles === undefined ? "not told" : `${openFiles.used} of the whole host`,
    ),
  ];
}

function unseen(of: string, { address }: ReachedEngine, why: string): Check {
  const trouble: Trouble = {
    code: "machine/host-unseen",
    what: `the host of ${of} cannot be looked at, so its address, ports, data and disk were not checked: ${why}`,
    where: address,
    fix: "mend what it says and run the same command again",
  };
  return checked(of, "host", { warnings: [trouble] }, "");
}
