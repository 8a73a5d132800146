import { basename } from "node:path";
import type { NodePlan } from "../../lib";
import { synthNode } from "./synth";

export interface RenderedNode {
  /** The stack, with the name of a file in place of each text of several lines. */
  readonly stack: unknown;
  readonly texts: ReadonlyMap<string, string>;
}

/** A stack apart from the files within it, so that each is read as what it is. */
export function renderNode(plan: NodePlan): RenderedNode {
  const texts = new Map<string, string>();
  const { resource } = synthNode(plan);
  const stack = replaceTexts(resource, (text, keys, within) => {
    const name = fileName(text, keys, within);
    texts.set(name, text);
    return `(text of ${name})`;
  });
  return { stack, texts };
}

function fileName(text: string, [, resource = "", key = ""]: readonly string[], within: unknown): string {
  if (key === "upload") return basename((within as { readonly file: string }).file);
  if (text.startsWith("OTELCOL_CONFIG=")) return `${resource}.yaml`;
  if (key === "command") return `${resource}.sh`;
  throw new Error(`a text of several lines in ${resource}.${key}`);
}

function replaceTexts(
  value: unknown,
  replace: (text: string, keys: readonly string[], within: unknown) => string,
  keys: readonly string[] = [],
  within?: unknown,
): unknown {
  if (typeof value === "string") return value.includes("\n") ? replace(value, keys, within) : value;
  if (Array.isArray(value)) return value.map((inner) => replaceTexts(inner, replace, keys, value));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, replaceTexts(inner, replace, [...keys, key], value)]),
  );
}
