import { nearest } from "../nearest";
import type { Problem } from "../problem";
import { PASSWORD_VARIABLE, SETTING_NAMES, SETTING_VARIABLES, type SettingVariable } from "./environment";

/** The `.env` of one node of the compose stack, as it was read. */
export interface EnvFile {
  /** As the user named it. */
  readonly path: string;
  readonly variables: ReadonlyMap<string, EnvVariable>;
}

export interface EnvVariable {
  readonly value: string;
  /** From 1 on. */
  readonly line: number;
  /** It stands in single quotes, within which compose replaces nothing. */
  readonly literal: boolean;
}

/** A variable and the file it is in. */
export interface Found {
  readonly file: EnvFile;
  readonly variable: EnvVariable;
}

/** The value of a variable; an empty one counts as not set, as in the predecessor. */
export function valueIn({ variables }: EnvFile, name: string): string | undefined {
  return variables.get(name)?.value.trim() || undefined;
}

/** Every file that gives the variable a value. */
export function foundIn(files: readonly EnvFile[], name: string): readonly Found[] {
  return files.flatMap((file) => {
    const variable = file.variables.get(name);
    return variable === undefined || valueIn(file, name) === undefined ? [] : [{ file, variable }];
  });
}

/** `.env.node1:4, .env.node2:4 VM_RETENTION` */
export function placeOf(found: readonly Found[], name: string): string {
  return `${found.map(linePlace).join(", ")} ${name}`;
}

/** `.env.node1:4` */
export const linePlace = ({ file, variable }: Found): string => `${file.path}:${variable.line}`;

const NUMBERED = /^NODE([1-9]\d{0,2})_IP$/;
/** Docker's and Compose's own variables: they say how the predecessor was run, and mean nothing here. */
const OF_COMPOSE = /^(COMPOSE|DOCKER|BUILDKIT)_/;
const OWN = ["NODE_NAME", "NODE_IP"] as const;

/** The i of every NODEi_IP that any file sets, in order. */
export function numbersIn(files: readonly EnvFile[]): readonly number[] {
  const names = files.flatMap((file) => [...file.variables.keys()].filter((name) => valueIn(file, name) !== undefined));
  const numbers = names.flatMap((name) => NUMBERED.exec(name)?.[1] ?? []).map(Number);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/**
 * What is wrong with the variables of the files, each taken for itself: unknown ones, missing ones, ones that compose would
 * have completed, and ones that must be equal and are not.
 * @param settings those that the fleet takes from the files
 */
export function variableProblems(files: readonly EnvFile[], settings: readonly SettingVariable[]): readonly Problem[] {
  const numbered = numbersIn(files).map((number) => `NODE${number}_IP`);
  const shared = [...numbered, ...settings.filter((name) => foundIn(files, name).length > 0)];
  const misspelt = new Map(files.map((file) => [file, misspeltIn(file, [...OWN, ...shared])]));
  const lacks = (file: EnvFile, name: string): boolean =>
    valueIn(file, name) === undefined && ![...(misspelt.get(file)?.values() ?? [])].includes(name);
  return [
    ...files.flatMap((file) => [
      ...unknownVariables(file, misspelt.get(file) ?? new Map()),
      ...OWN.filter((name) => lacks(file, name)).map((name) => missingOwn(file, name)),
      ...interpolated(file),
    ]),
    ...shared.flatMap((name) =>
      disagreement(
        name,
        foundIn(files, name),
        files.filter((file) => lacks(file, name)),
      ),
    ),
  ];
}

function isKnown(name: string): boolean {
  return [...OWN, ...SETTING_NAMES, PASSWORD_VARIABLE].some((known) => known === name) || NUMBERED.test(name);
}

/** Unknown names and what each was probably meant to be; one that the file lacks is the likelier. */
function misspeltIn(file: EnvFile, needed: readonly string[]): ReadonlyMap<string, string | undefined> {
  const missing = needed.filter((name) => valueIn(file, name) === undefined);
  const unknown = [...file.variables.keys()].filter((name) => !isKnown(name) && !OF_COMPOSE.test(name));
  return new Map(
    unknown.map((name) => [
      name,
      nearest(name.toUpperCase(), [...missing, ...OWN, ...SETTING_NAMES, PASSWORD_VARIABLE, "NODE1_IP"]),
    ]),
  );
}

function unknownVariables(file: EnvFile, misspelt: ReadonlyMap<string, string | undefined>): Problem[] {
  return [...misspelt].map(([name, meant]) => ({
    code: "env/variable-unknown",
    what: `unknown variable ${name}`,
    where: `${file.path}:${file.variables.get(name)?.line}`,
    fix:
      meant === undefined
        ? `remove it; known are ${[...OWN, "NODE1_IP, NODE2_IP, …", ...SETTING_NAMES, PASSWORD_VARIABLE].join(", ")}`
        : `did you mean ${meant}?`,
  }));
}

function missingOwn({ path }: EnvFile, name: (typeof OWN)[number]): Problem {
  const fix = name === "NODE_NAME" ? "add the node's name: NODE_NAME=node1" : "add its address: NODE_IP=10.0.0.11";
  return { code: "env/variable-missing", what: `${name} is missing`, where: path, fix };
}

function interpolated(file: EnvFile): Problem[] {
  return [...file.variables]
    .filter(([name, { value, literal }]) => isKnown(name) && !literal && /\$[A-Za-z_{$]/.test(value))
    .map(([name, variable]) => ({
      code: "env/value-interpolated",
      what: `the value of ${name} holds a $, which compose replaces and this program does not`,
      where: placeOf([{ file, variable }], name),
      fix: "write the whole value; a $ that belongs to it stands in single quotes",
    }));
}

/** One value for the whole fleet: where the files tell of several, nobody but their writer knows which one is right. */
function disagreement(name: string, found: readonly Found[], without: readonly EnvFile[]): Problem[] {
  const values = new Map<string, Found[]>();
  for (const one of found) {
    const value = one.variable.value.trim();
    values.set(value, [...(values.get(value) ?? []), one]);
  }
  const told = [...values].map(([value, places]) => `${JSON.stringify(value)} in ${places.map(linePlace).join(", ")}`);
  const field = name in SETTING_VARIABLES ? SETTING_VARIABLES[name as SettingVariable] : undefined;
  const or = field === undefined ? "" : `, or give ${field} in the second argument of fromEnvFiles`;
  if (values.size > 1) {
    const and = without.length === 0 ? "" : `, and missing in ${without.map(({ path }) => path).join(", ")}`;
    const link = field?.startsWith("storagePaths.")
      ? "write one folder into every file (on a host, a link or mount of that name may lead elsewhere)"
      : "write one value into every file";
    const what = `${name} is ${told.join(", ")}${and}`;
    return [{ code: "env/files-differ", what, where: placeOf(found, name), fix: `${link}${or}` }];
  }
  if (without.length === 0 || found.length === 0) return [];
  const what = `${name} is missing here and is ${told.join()}`;
  const where = without.map(({ path }) => path).join(", ");
  return [{ code: "env/variable-missing", what, where, fix: `write it into every file${or}` }];
}
