import type { Argument, Command, Option } from "commander";

/** A word that could stand where the cursor is. */
export interface Candidate {
  readonly word: string;
  /** One line. @default - nothing is to be said about it */
  readonly about?: string;
}

/** What could stand where the cursor is. */
export type Candidates = readonly Candidate[] | "files";

/**
 * Words that a value of a name may have: `node` for `[node...]` and `<node...>`. They are asked for only where one is
 * wanted, and a name that is not among them has values that nobody knows.
 */
export type ValueSources = Readonly<Record<string, () => Promise<readonly string[]>>>;

/** Where the cursor is on the command line. */
interface Cursor {
  readonly command: Command;
  /** Arguments before it, of the command. */
  readonly given: readonly string[];
  /** Options before it, of the command. */
  readonly used: ReadonlySet<Option>;
  /** The option whose value stands there. */
  readonly awaited?: Option;
  /** `--` stands before it: nothing is an option any more. */
  readonly plain: boolean;
}

/**
 * What could stand at the end of a command line, by the command's own tree and in the way in which commander reads it.
 * @param words without the program's name; the last one is what stands before the cursor, `""` after a space
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  sources: ValueSources,
): Promise<Candidates> {
  const current = words.at(-1) ?? "";
  const { command, given, used, awaited, plain } = cursorAfter(program, words.slice(0, -1));
  const named = (found: Candidates): Candidates =>
    found === "files" ? found : found.filter(({ word }) => word.startsWith(current));
  if (awaited !== undefined && (!current.startsWith("-") || needsValue(awaited, used)))
    return named(await valuesOf(awaited.argChoices, valueName(awaited), sources));
  if (!plain && current.startsWith("-")) {
    const [flag = "", value] = current.split(/=(.*)/s);
    if (value === undefined) return named(optionsOf(command, used));
    const option = findOption(command, flag);
    if (option === undefined || option.isBoolean()) return [];
    const values = await valuesOf(option.argChoices, valueName(option), sources);
    return values === "files" ? values : named(values.map(({ word }) => ({ word: `${flag}=${word}` })));
  }
  const verbs = given.length === 0 ? commandsOf(command) : [];
  const argument = argumentAt(command, given.length);
  const values = argument === undefined ? [] : await valuesOf(argument.argChoices, argument.name(), sources);
  if (values === "files") return values;
  return named([...verbs, ...values.filter(({ word }) => !given.includes(word))]);
}

function cursorAfter(program: Command, words: readonly string[]): Cursor {
  let command = program;
  let given: string[] = [];
  let used = new Set<Option>();
  let awaited: Option | undefined;
  let plain = false;
  for (const word of words) {
    const isFlag = !plain && word.startsWith("-") && word !== "-";
    if (awaited !== undefined && (!isFlag || needsValue(awaited, used))) {
      used.add(awaited);
      if (!awaited.variadic) awaited = undefined;
      continue;
    }
    awaited = undefined;
    if (word === "--" && !plain) plain = true;
    else if (isFlag) {
      const option = findOption(command, word.split("=")[0] ?? "");
      if (option === undefined) continue;
      if (option.isBoolean() || word.includes("=")) used.add(option);
      else {
        // Its first value is still to come, even when it was named before.
        used.delete(option);
        awaited = option;
      }
    } else {
      const next = given.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next === undefined) given.push(word);
      else [command, given, used] = [next, [], new Set()];
    }
  }
  return { command, given, used, plain, ...(awaited === undefined ? {} : { awaited }) };
}

/** Whether commander takes the next word for the option's value, whatever it looks like. */
function needsValue(option: Option, used: ReadonlySet<Option>): boolean {
  return option.required && !used.has(option);
}

function findOption(command: Command, flag: string): Option | undefined {
  return command
    .createHelp()
    .visibleOptions(command)
    .find(({ short, long }) => flag === short || flag === long);
}

/** One that takes a value may be repeated. */
function optionsOf(command: Command, used: ReadonlySet<Option>): readonly Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !used.has(option) || !option.isBoolean())
    .map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description }));
}

function commandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ word: one.name(), about: one.description() }));
}

function argumentAt({ registeredArguments }: Command, place: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[place] ?? (last?.variadic ? last : undefined);
}

/** `node` of `--node <node...>` */
function valueName({ flags }: Option): string {
  return /[<[](.+?)(\.\.\.)?[>\]]/.exec(flags)?.[1] ?? "";
}

async function valuesOf(
  choices: readonly string[] | undefined,
  name: string,
  sources: ValueSources,
): Promise<Candidates> {
  if (choices !== undefined) return choices.map((word) => ({ word }));
  if (name === "file") return "files";
  const words = (await sources[name]?.()) ?? [];
  return words.map((word) => ({ word }));
}
