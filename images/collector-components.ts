import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { builtVersions, type Edition } from "./built-versions";

const KINDS = ["receivers", "processors", "exporters", "connectors", "extensions"] as const;

type Builder = Readonly<Record<string, readonly { readonly gomod: string }[] | undefined>>;

/**
 * The components of the built collector that are an older release than its core, by the last word of their module, such as
 * `isolationforestprocessor`: what a configuration may say to them is decided by their own version.
 */
export async function olderComponents(edition: Edition = "newest"): Promise<Readonly<Record<string, string>>> {
  const folder = join(__dirname, "parts", edition === "newest" ? "" : edition, "collector");
  const builder = parse(await readFile(join(folder, "builder.yaml"), "utf8")) as Builder;
  const minor = (version: string): string => version.split(".").slice(0, 2).join(".");
  const modules = KINDS.flatMap((kind) => builder[kind] ?? []).map(({ gomod }) => gomod.split(" "));
  return Object.fromEntries(
    modules.flatMap(([path = "", version = ""]) => {
      const plain = version.replace(/^v/, "");
      return minor(plain) === minor(builtVersions(edition).otelcol) ? [] : [[path.split("/").at(-1) ?? path, plain]];
    }),
  );
}
