import type { Problem } from "../problem";
import { type EnvFile, type Found, foundIn, numbersIn, placeOf, valueIn } from "./env-file";

/** What a file says about its own node. */
export interface EnvNode {
  readonly file: EnvFile;
  readonly name?: string;
  readonly address?: string;
  /** The i of the NODEi_IP that is its address. */
  readonly number?: number;
}

/**
 * The nodes in the order of their NODEi_IP, else of their names. The order of the files says nothing: a shell sorts
 * `.env.node10` before `.env.node2`, and the place in the list is the node's storage group for good.
 */
export function envNodes(files: readonly EnvFile[]): readonly EnvNode[] {
  const numbers = numbersIn(files);
  const nodes = files.map((file): EnvNode => {
    const [name, address] = [valueIn(file, "NODE_NAME"), valueIn(file, "NODE_IP")];
    const number = numbers.find((candidate) => listed(files, candidate) === address);
    return {
      file,
      ...(name === undefined ? {} : { name }),
      ...(address === undefined ? {} : { address }),
      ...(number === undefined ? {} : { number }),
    };
  });
  const byName = new Intl.Collator("en", { numeric: true });
  return nodes.toSorted(
    (a, b) =>
      (a.number ?? Number.MAX_SAFE_INTEGER) - (b.number ?? Number.MAX_SAFE_INTEGER) ||
      byName.compare(a.name ?? "", b.name ?? ""),
  );
}

const listed = (files: readonly EnvFile[], number: number): string | undefined =>
  foundIn(files, `NODE${number}_IP`)[0]?.variable.value.trim();

/**
 * Where NODE1_IP, NODE2_IP, … and the nodes' own variables tell different fleets.
 * @param all whether every file could be read; otherwise a node without a file is no news
 */
export function listProblems(files: readonly EnvFile[], nodes: readonly EnvNode[], all: boolean): readonly Problem[] {
  const numbers = numbersIn(files);
  if (numbers.length === 0) return [];
  const addresses = nodes.flatMap(({ address }) => address ?? []);
  const absent = numbers.filter((number) => !addresses.includes(listed(files, number) ?? ""));
  const strays = nodes.filter(({ address, number }) => address !== undefined && number === undefined);
  const complete = all && addresses.length === nodes.length;
  return [
    ...gap(files, numbers),
    ...listedTwice(files, numbers),
    ...strays.map((node) => stray(node, files, numbers, absent)),
    // A stray's right address is among these, and it was told already.
    ...(complete && strays.length === 0 ? absent.map((number) => withoutFile(files, number)) : []),
    ...nodes.flatMap(otherName),
  ];
}

function gap(files: readonly EnvFile[], numbers: readonly number[]): Problem[] {
  const at = numbers.findIndex((number, index) => number !== index + 1);
  const [after, missing] = [`NODE${numbers[at]}_IP`, `NODE${at + 1}_IP`];
  if (at === -1) return [];
  const what = `there is ${after} and no ${missing}`;
  const fix = "number the nodes from NODE1_IP on, without a gap";
  return [{ code: "env/variable-missing", what, where: placeOf(foundIn(files, after), after), fix }];
}

function listedTwice(files: readonly EnvFile[], numbers: readonly number[]): Problem[] {
  return numbers.flatMap((number, index) => {
    const first = numbers.slice(0, index).find((earlier) => listed(files, earlier) === listed(files, number));
    if (first === undefined) return [];
    const name = `NODE${number}_IP`;
    const what = `${name} ${listed(files, number)} is also NODE${first}_IP`;
    const fix = "give each node its own address; two nodes on one host lose together";
    return [{ code: "fleet/address-duplicate", what, where: placeOf(foundIn(files, name), name), fix }];
  });
}

function stray(
  { file, address }: EnvNode,
  files: readonly EnvFile[],
  numbers: readonly number[],
  absent: readonly number[],
): Problem {
  const free = absent.map((number) => `NODE${number}_IP ${listed(files, number)}`).join(", ");
  return {
    code: "env/node-unlisted",
    what: `NODE_IP ${address} is none of ${numbers.map((number) => `NODE${number}_IP`).join(", ")}`,
    where: ownPlace(file, "NODE_IP"),
    fix:
      free === ""
        ? `add NODE${numbers.length + 1}_IP=${address} to every file`
        : `write the address that the list has for this node; no file has ${free}`,
  };
}

function withoutFile(files: readonly EnvFile[], number: number): Problem {
  const name = `NODE${number}_IP`;
  return {
    code: "env/node-without-file",
    what: `${name} is ${listed(files, number)}, and no file has that NODE_IP`,
    where: placeOf(foundIn(files, name), name),
    fix: `name that node's .env file too, or remove ${name} from every file`,
  };
}

/** `node2` that has NODE3_IP's address: one of the two is copied from another file. */
function otherName({ file, name, number }: EnvNode): Problem[] {
  const inName = /^node(\d+)$/.exec(name ?? "")?.[1];
  if (number === undefined || inName === undefined || Number(inName) === number) return [];
  return [
    {
      code: "env/files-differ",
      what: `NODE_NAME is ${name}, and NODE_IP is the address of NODE${number}_IP`,
      where: ownPlace(file, "NODE_NAME"),
      fix: `make them agree: NODE_NAME=node${number}, or the address of NODE${inName}_IP`,
    },
  ];
}

function ownPlace(file: EnvFile, name: "NODE_NAME" | "NODE_IP"): string {
  const found: readonly Found[] = foundIn([file], name);
  return placeOf(found, name);
}
