import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { BUILT_VERSIONS } from "./built-versions";

const BUILDER = join(__dirname, "parts", "collector", "builder.yaml");
const KINDS = ["receivers", "processors", "exporters", "connectors", "extensions"] as const;

type Builder = Readonly<Record<string, readonly { readonly gomod: string }[] | undefined>>;

/**
 * The components of the built collector that are an older release than its core, by the last word of their module, such as
 * `isolationforestprocessor`: what a configuration may say to them is decided by their own version.
 */
export async function olderComponents(): Promise<Readonly<Record<string, string>>> {
  const builder = parse(await readFile(BUILDER, "utf8")) as Builder;
  const minor = (version: string): string => version.split(".").slice(0, 2).join(".");
  const modules = KINDS.flatMap((kind) => builder[kind] ?? []).map(({ gomod }) => gomod.split(" "));
  return Object.fromEntries(
    modules.flatMap(([path = "", version = ""]) => {
      const plain = version.replace(/^v/, "");
      return minor(plain) === minor(BUILT_VERSIONS.otelcol) ? [] : [[path.split("/").at(-1) ?? path, plain]];
    }),
  );
}
