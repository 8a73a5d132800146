import { resolve } from "node:path";
import { type ImageKey, type ImageOverrides, validateImageOverrides } from "../../lib";
import { formatProblem } from "../../lib/problem";
import { hasImage } from "../e2e/support/engine";
import { imagesInUse } from "../e2e/support/images";

/** Parts that no package registry serves: somebody has to bring them. */
const BROUGHT = ["vminsert", "vmselect", "vmstorage", "victoria-traces"] as const satisfies readonly ImageKey[];

const FIX = `Load the images into this machine's engine, write a file that names them (images/README.md, MIRADOR_IMAGES), and run
MIRADOR_IMAGES=<file> npm run test:cluster`;

/** Why a run with these images would not be one of the real parts; empty when it is. */
export function unrealParts(images: ImageOverrides): readonly string[] {
  const missing = BROUGHT.filter((key) => images[key] === undefined).map((key) => `${key} is not named`);
  const standIns = Object.entries(images).flatMap(([key, { ref, standIn }]) =>
    standIn === undefined ? [] : [`${key} is ${ref}, a stand-in (${standIn})`],
  );
  return [...missing, ...standIns];
}

/** The first global setup of the cluster suites: nothing is built and no host is started for a run that proves nothing. */
export default async function demandRealParts(): Promise<void> {
  const { MIRADOR_IMAGES } = process.env;
  if (!MIRADOR_IMAGES) throw refusal("MIRADOR_IMAGES", ["it is not set"]);
  const file = resolve(MIRADOR_IMAGES);
  const images = await imagesInUse(file);
  const invalid = validateImageOverrides(images, MIRADOR_IMAGES).map((problem) => formatProblem(problem));
  if (invalid.length > 0) throw refusal(file, invalid);
  const unreal = unrealParts(images);
  if (unreal.length > 0) throw refusal(file, unreal);
  const absent: string[] = [];
  for (const [key, { ref }] of Object.entries(images)) {
    if (!(await hasImage(ref))) absent.push(`${key}: this machine's engine has no image ${ref}`);
  }
  if (absent.length > 0) throw refusal(file, absent);
}

function refusal(where: string, reasons: readonly string[]): Error {
  const list = reasons.map((reason) => `- ${reason}`).join("\n");
  return new Error(
    `These suites run against the real VictoriaMetrics cluster and the real VictoriaTraces. ${where}:\n${list}\n${FIX}`,
  );
}
