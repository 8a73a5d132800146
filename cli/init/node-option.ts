import type { DockerDefinition } from "../../lib/fleet/definition";
import { validateShape } from "../../lib/fleet/schema";
import { validateFleet } from "../../lib/fleet/validate";
import { CliError, EXIT, type Trouble } from "../failure";

/** How a node is written after `--node`. */
export const NODE_SYNTAX = "name=address@engine";

/** One `--node`, taken apart; nothing of it was checked but that it has parts. */
export interface NamedNode {
  /** As it was typed. */
  readonly text: string;
  readonly name: string;
  readonly address?: string;
  /** @default - nothing was said about the engine */
  readonly docker?: DockerDefinition;
}

/**
 * Takes every `--node` apart and checks each value as a fleet's would be.
 * @param nodes as typed: `name=address`, or with an engine behind it, `name=address@engine`
 * @param name of the fleet, as typed
 * @param addressKnown something else tells the addresses, so `name@engine` is enough
 * @throws CliError with all that is wrong with any of them, exit status 64: `init/node-invalid`, or the code that the value
 *   would have in a fleet
 */
export function parseNodes(
  nodes: readonly string[],
  { name, addressKnown }: { readonly name: string | undefined; readonly addressKnown: boolean },
): readonly NamedNode[] {
  const parsed = nodes.map((text) => parseNode(text, addressKnown));
  const named = parsed.flatMap((node) => ("code" in node ? [] : node));
  const troubles = [...parsed.flatMap((node) => ("code" in node ? node : [])), ...typedTroubles(name, named)];
  if (troubles.length > 0) throw new CliError(troubles, EXIT.usage);
  return named;
}

function parseNode(text: string, addressKnown: boolean): NamedNode | Trouble {
  const [, name, address, engine] = /^([^=@]+)(?:=([^@]+))?(?:@(.+))?$/.exec(text) ?? [];
  const example = "node1=10.0.0.11, or node1=10.0.0.11@ssh://deploy@10.0.0.11";
  if (name === undefined || (address === undefined && !addressKnown))
    return nodeInvalid(text, `a node is written ${NODE_SYNTAX}`, `write ${example}`);
  const docker = engine === undefined ? undefined : parseEngine(engine);
  if (engine !== undefined && docker === undefined)
    return nodeInvalid(
      text,
      `${engine} is no way to a Docker engine`,
      "write ssh://user@host:port, tcp://host:port/folder/of/certificates, unix:///socket, or the name of a docker context",
    );
  return { text, name, ...(address === undefined ? {} : { address }), ...(docker === undefined ? {} : { docker }) };
}

/** @param text as it was typed */
export function nodeInvalid(text: string, what: string, fix: string): Trouble {
  return { code: "init/node-invalid", what, where: `--node ${text}`, fix };
}

function parseEngine(text: string): DockerDefinition | undefined {
  if (!text.includes("://")) return { kind: "context", name: text };
  const [, socket] = /^unix:\/\/(\/.*)?$/.exec(text) ?? [];
  if (text.startsWith("unix://")) {
    if (socket !== undefined) return { kind: "unix", socket };
    return text === "unix://" ? { kind: "unix" } : undefined;
  }
  const [, scheme, user, host, port, path] =
    /^(ssh|tcp):\/\/(?:([^@/]+)@)?([^@/:]+)(?::(\d+))?(\/.*)?$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  const at = { host, ...(port === undefined ? {} : { port: Number(port) }) };
  if (scheme === "ssh" && (path ?? "/") === "/") return { kind: "ssh", ...at, ...(user === undefined ? {} : { user }) };
  if (scheme === "tcp" && user === undefined && path !== undefined)
    return { kind: "tcp", ...at, certificatePath: path };
  return undefined;
}

/** What a fleet of these would be refused for, told by what was typed. */
function typedTroubles(name: string | undefined, named: readonly NamedNode[]): readonly Trouble[] {
  const definition = {
    ...(name === undefined ? {} : { name }),
    // Another source has an address that is left out here; this one stands for it.
    nodes: named.map((node, index) => ({
      name: node.name,
      address: node.address ?? `192.0.2.${index + 1}`,
      ...(node.docker === undefined ? {} : { docker: node.docker }),
    })),
  };
  const byOption = (text: string): string =>
    text
      .replace(/^fleet\.name$/, `--name ${name}`)
      .replaceAll(/fleet\.nodes\[(\d+)\][\w.]*/g, (_, index) => `--node ${named[Number(index)]?.text}`);
  const problems = [...validateShape(definition), ...validateFleet(definition)];
  return problems
    .filter(({ code }) => code !== "fleet/no-nodes")
    .map((problem) => ({ ...problem, what: byOption(problem.what), where: byOption(problem.where) }));
}

/** A Docker engine in the words in which it is typed. */
export function engineText(docker: DockerDefinition): string {
  switch (docker.kind) {
    case "unix":
      return `unix://${docker.socket ?? ""}`;
    case "context":
      return docker.name;
    case "ssh":
      return `ssh://${docker.user === undefined ? "" : `${docker.user}@`}${docker.host}${portText(docker)}`;
    case "tcp":
      return `tcp://${docker.host}${portText(docker)}${docker.certificatePath}`;
  }
}

const portText = ({ port }: { readonly port?: number }): string => (port === undefined ? "" : `:${port}`);
