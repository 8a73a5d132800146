import { join } from "node:path";
import { fromEnvFiles } from "../../index";
import type { EnvFilesOptions } from "../../lib";
import { temporaryFolder } from "./folders";
import { codesOf, problemsOf } from "./problems";

export const LIST = { NODE1_IP: "10.0.0.11", NODE2_IP: "10.0.0.12", NODE3_IP: "10.0.0.13" };
export const SETTINGS = {
  VM_RETENTION: "90d",
  VL_RETENTION: "4w",
  VT_RETENTION: "3d",
  VM_STORAGE_PATH: "/srv/vm",
  VL_STORAGE_PATH: "/srv/vl",
  VT_STORAGE_PATH: "/srv/vt",
  HAPROXY_STATS_PORT: "9404",
  HAPROXY_STATS_USER: "operator",
  OTLP_GRPC_PORT: "5317",
  OTLP_HTTP_PORT: "5318",
  PROMETHEUS_PORT: "9888",
};
export type Variables = Readonly<Record<string, string>>;

/** What one node of the predecessor has. */
export const node = (number: number, list: Variables = LIST): Variables => ({
  NODE_NAME: `node${number}`,
  NODE_IP: `10.0.0.${10 + number}`,
  ...list,
  ...SETTINGS,
});
export const NODES = [node(1), node(2), node(3)];

export const without = (variables: Variables, ...names: readonly string[]): Variables =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name)));

export const textOf = (variables: Variables): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");

/** Files `.env.1`, `.env.2`, … in a folder of their own. */
export function folderOf(nodes: readonly (Variables | string)[]): {
  readonly folder: string;
  readonly paths: string[];
} {
  const texts = nodes.map((one) => (typeof one === "string" ? one : textOf(one)));
  const folder = temporaryFolder(Object.fromEntries(texts.map((text, index) => [`.env.${index + 1}`, text])));
  return { folder, paths: texts.map((_, index) => join(folder, `.env.${index + 1}`)) };
}

export function fleetOf(nodes: readonly (Variables | string)[], options?: EnvFilesOptions) {
  return fromEnvFiles(folderOf(nodes).paths, options);
}

/** Codes and places, without the folder. */
export function refusals(nodes: readonly (Variables | string)[], options?: EnvFilesOptions) {
  const { folder, paths } = folderOf(nodes);
  return codesOf(problemsOf(() => fromEnvFiles(paths, options))).map(([code, where]) => [
    code,
    where.replaceAll(`${folder}/`, ""),
  ]);
}

/** Line of a variable in a file that {@link node} made. */
export const lineOf = (name: string, variables: Variables = node(1)): number =>
  Object.keys(variables).indexOf(name) + 1;
export const onLine = (name: string, ...files: readonly number[]): string =>
  `${files.map((file) => `.env.${file}:${lineOf(name)}`).join(", ")} ${name}`;
