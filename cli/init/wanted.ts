import { fromEnvFiles } from "../../inputs/env-files";
import type { DockerDefinition, NodeDefinition } from "../../lib/fleet/definition";
import { SIGNALS } from "../../lib/fleet/definition";
import type { Fleet, FleetNode } from "../../lib/fleet/fleet";
import { chosenNodes } from "../chosen";
import { CliError, EXIT } from "../failure";
import { definitionText, envFilesText, type ModulePlace } from "./fleet-text";
import { type NamedNode, nodeInvalid, parseNodes } from "./node-option";

/** What somebody wants a fleet to be, as it was typed. */
export interface Asked {
  /** `name=address@engine`, one for each node. */
  readonly nodes: readonly string[];
  /** The predecessor's `.env` files, one for each node; relative to the folder the program runs in. */
  readonly envFiles: readonly string[];
  /** @default - the fleet's own default */
  readonly name?: string | undefined;
}

/** The fleet that was asked for. */
export interface Wanted {
  /** Its module. @throws ProblemError for files that cannot be used */
  readonly text: () => string;
  /** What that module exports. @throws ProblemError for files that cannot be used */
  readonly exported: () => unknown;
  /** Folders of the predecessor's data, which the files name. */
  readonly oldFolders: () => readonly string[];
}

/** The fleet of the checkout as it comes. */
export const DEFAULT_NODES: readonly NodeDefinition[] = [{ name: "node1", address: "127.0.0.1" }];

/**
 * The fleet that somebody asked for.
 * @param own addresses of this machine: a node on one of them has this machine's Docker engine
 * @throws CliError with status 64 for what was typed wrong, all of it at once
 */
export function wantedFleet(place: ModulePlace, { nodes, envFiles, name }: Asked, own: readonly string[]): Wanted {
  const named = parseNodes(nodes, { name, addressKnown: envFiles.length > 0 });
  const isHere = (address: string): boolean => address.startsWith("127.") || own.includes(address);
  return envFiles.length > 0
    ? ofEnvFiles(place, { named, envFiles, name, isHere })
    : ofNodes(place, { named, name, isHere });
}

interface Request {
  readonly named: readonly NamedNode[];
  readonly name: string | undefined;
  readonly isHere: (address: string) => boolean;
}

function ofNodes(place: ModulePlace, { named, name, isHere }: Request): Wanted {
  const nodes = named.map(({ name: node, address = "", docker }): NodeDefinition => {
    const engine = docker ?? (isHere(address) ? undefined : ({ kind: "ssh", host: address } as const));
    return { name: node, address, ...(engine === undefined ? {} : { docker: engine }) };
  });
  const definition = {
    ...(name === undefined ? {} : { name }),
    nodes: nodes.length > 0 ? nodes : DEFAULT_NODES,
  };
  return { text: () => definitionText(place, definition), exported: () => definition, oldFolders: () => [] };
}

function ofEnvFiles(
  place: ModulePlace,
  { named, envFiles, name, isHere }: Request & { readonly envFiles: readonly string[] },
): Wanted {
  const options = name === undefined ? {} : { name };
  const engines = (): Readonly<Record<string, DockerDefinition>> =>
    enginesOf(fromEnvFiles(envFiles, options).nodes, named, isHere);
  const exported = (): Fleet => {
    const listed = engines();
    const docker = (node: { readonly name: string; readonly address: string }): DockerDefinition =>
      listed[node.name] ?? { kind: "ssh", host: node.address };
    return fromEnvFiles(envFiles, { ...options, docker });
  };
  const oldFolders = (): readonly string[] => {
    const { storagePaths } = exported();
    return SIGNALS.flatMap((signal) => storagePaths[signal] ?? []);
  };
  const text = (): string =>
    envFilesText(place, { files: envFiles, name, engines: engines(), namesFolders: oldFolders().length > 0 });
  return { text, exported, oldFolders };
}

/** @throws CliError with status 64: `fleet/unknown-node`, `init/node-invalid` */
function enginesOf(
  nodes: readonly FleetNode[],
  named: readonly NamedNode[],
  isHere: (address: string) => boolean,
): Readonly<Record<string, DockerDefinition>> {
  if (named.length > 0)
    chosenNodes(
      nodes,
      named.map(({ name }) => name),
    );
  const moved = named.flatMap(({ text, name, address }) => {
    const inFile = nodes.find((node) => node.name === name)?.address;
    return address === undefined || address === inFile
      ? []
      : nodeInvalid(text, `its file says that ${name} is at ${inFile}`, `leave the address out: ${name}@engine`);
  });
  if (moved.length > 0) throw new CliError(moved, EXIT.usage);
  const entries = nodes.flatMap(({ name, address }) => {
    const docker = named.find((node) => node.name === name)?.docker ?? (isHere(address) ? { kind: "unix" } : undefined);
    return docker === undefined ? [] : [[name, docker] as const];
  });
  return Object.fromEntries(entries);
}
