import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageOverrides } from "../../../lib";
import type { E2eContext } from "./context";

/** The suite's images in use, some of them exchanged; a path for `MIRADOR_IMAGES`. */
export async function imagesWith({ folder, imagesFile }: E2eContext, exchanged: ImageOverrides): Promise<string> {
  const path = join(folder, `images-${Object.keys(exchanged).join("-")}.json`);
  await writeFile(path, JSON.stringify({ ...(await imagesInUse(imagesFile)), ...exchanged }));
  return path;
}

export async function imagesInUse(imagesFile: string | undefined): Promise<ImageOverrides> {
  return imagesFile === undefined ? {} : (JSON.parse(await readFile(imagesFile, "utf8")) as ImageOverrides);
}
