import { closest } from "fastest-levenshtein";
import type { Problem } from "../problem";
import { IMAGE_CATALOG, IMAGE_KEYS, type ImageChoice, type ImageKey } from "./catalog";

export type ImageOverrides = { readonly [key in ImageKey]?: ImageChoice };
export type ResolvedImages = Readonly<Record<ImageKey, ImageChoice>>;

/** Later overrides win; a part without one keeps the catalogue's image. */
export function resolveImages(...overrides: readonly (ImageOverrides | undefined)[]): ResolvedImages {
  return Object.assign({}, IMAGE_CATALOG, ...overrides);
}

/** Checks data that came from a file or a fleet module and is meant to be {@link ImageOverrides}. */
export function validateImageOverrides(overrides: unknown, where: string): readonly Problem[] {
  if (typeof overrides !== "object" || overrides === null || Array.isArray(overrides)) {
    return [
      overrideProblem(where, "not an object of image keys", `{ "victoria-logs": { "ref": "…", "version": "1.53.0" } }`),
    ];
  }
  return Object.entries(overrides).flatMap(([key, choice]) => validateChoice(key, choice, `${where}.${key}`));
}

function validateChoice(key: string, choice: unknown, where: string): readonly Problem[] {
  if (!(IMAGE_KEYS as readonly string[]).includes(key)) {
    return [
      overrideProblem(
        where,
        `unknown image key "${key}"`,
        `did you mean "${closest(key, [...IMAGE_KEYS])}"? keys: ${IMAGE_KEYS.join(", ")}`,
      ),
    ];
  }
  const { ref, version, standIn, components, fixes, ...rest } = (choice ?? {}) as Record<string, unknown>;
  const problems: Problem[] = [];
  const unknown = Object.keys(rest);
  if (unknown.length > 0)
    problems.push(
      overrideProblem(where, `unknown ${unknown.join(", ")}`, "allowed: ref, version, standIn, components, fixes"),
    );
  if (typeof ref !== "string" || !/^[a-z0-9][\w.\-/:]*(@sha256:[0-9a-f]{64})?$/i.test(ref) || ref.length > 300) {
    problems.push({
      code: "image/reference-invalid",
      what: `${JSON.stringify(ref)} is no image reference`,
      where: `${where}.ref`,
      fix: "write registry/name:tag or name@sha256:<64 hex digits>",
    });
  }
  if (!isVersion(version)) {
    problems.push(
      overrideProblem(
        `${where}.version`,
        `${JSON.stringify(version)} is no version`,
        'write the program\'s version as "1.53.0"; it decides which flags are used',
      ),
    );
  }
  if (standIn !== undefined && (typeof standIn !== "string" || !/^[\x20-\x7e]{1,200}$/.test(standIn))) {
    problems.push(
      overrideProblem(`${where}.standIn`, "not a short plain text", "say in one line what the part is instead"),
    );
  }
  if (components !== undefined && !isComponents(components)) {
    problems.push(
      overrideProblem(
        `${where}.components`,
        "not versions by component",
        'write { "isolationforestprocessor": "0.144.0" }',
      ),
    );
  }
  if (fixes !== undefined && !isFixes(fixes)) {
    problems.push(overrideProblem(`${where}.fixes`, "not a list of advisories", 'write ["CVE-2026-110354"]'));
  }
  return problems;
}

function isComponents(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, version]) => /^[a-z0-9]{1,64}$/.test(name) && isVersion(version));
}

function isFixes(value: unknown): boolean {
  return Array.isArray(value) && value.every((id) => typeof id === "string" && /^[\w.-]{1,64}$/.test(id));
}

function isVersion(value: unknown): boolean {
  return typeof value === "string" && /^\d+\.\d+\.\d+$/.test(value);
}

function overrideProblem(where: string, what: string, fix: string): Problem {
  return { code: "image/override-invalid", what, where, fix };
}
