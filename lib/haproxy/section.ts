import { ProblemError } from "../problem";

/** One line of a section: a keyword and its arguments. HAProxy has its own grammar, and this is the one place that quotes. */
export type Directive = readonly [keyword: string, ...args: (string | number)[]];

/**
 * A directive written as it will stand in the file. White space of the text separates words; a value stays within its
 * word, whatever it holds: line`user ${name} password ${hash}`.
 */
export function line(texts: TemplateStringsArray, ...values: readonly (string | number)[]): Directive {
  const words: string[] = [];
  let open = false;
  const append = (part: string): void => {
    if (open) words.push(`${words.pop() ?? ""}${part}`);
    else words.push(part);
    open = true;
  };
  piecesOf(texts).forEach((pieces, index) => {
    for (const piece of pieces) {
      if (piece === SPACE) open = false;
      else append(piece);
    }
    const value = values[index];
    if (value !== undefined) append(String(value));
  });
  const [keyword = "", ...args] = words;
  return [keyword, ...args];
}

const SPACE = " ";
/** A fleet of 100 nodes has hundreds of thousands of directives, of a few hundred templates. */
const piecesByTemplate = new WeakMap<TemplateStringsArray, readonly (readonly string[])[]>();

function piecesOf(texts: TemplateStringsArray): readonly (readonly string[])[] {
  const known = piecesByTemplate.get(texts);
  if (known !== undefined) return known;
  const pieces = texts.map((text) =>
    text
      .split(/(\s+)/)
      .filter((part) => part !== "")
      .map((part) => (/^\s+$/.test(part) ? SPACE : part)),
  );
  piecesByTemplate.set(texts, pieces);
  return pieces;
}

export interface Section {
  /** `global`, `defaults`, `frontend`, `backend`, `resolvers`, `userlist`, `peers`. */
  readonly kind: string;
  readonly name?: string;
  /** The defaults section that a proxy inherits from; written out always, or a second one changes its meaning. */
  readonly from?: string;
  readonly lines: readonly Directive[];
}

const MARKER = "# Rendered by mirador-stack. Edit the fleet, not this file.";

export function renderSections(sections: readonly Section[]): string {
  return `${[MARKER, ...sections.map(renderSection)].join("\n\n")}\n`;
}

function renderSection({ kind, name, from, lines }: Section): string {
  const head = [kind, ...(name === undefined ? [] : [name]), ...(from === undefined ? [] : ["from", from])].join(" ");
  return [head, ...lines.map((line) => `    ${line.map(renderWord).join(" ")}`)].join("\n");
}

/** Printable ASCII but for what HAProxy gives a meaning to; almost every word is of this kind. */
const PLAIN_WORD = /^[!%&(-[\]-~]+$/;

/** One argument as HAProxy reads it back. A line break would open a new directive, so it is refused. */
export function renderWord(value: string | number): string {
  const text = String(value);
  if (PLAIN_WORD.test(text)) return text;
  if (/\p{Cc}/u.test(text)) {
    throw new ProblemError([
      {
        code: "fleet/text-unsafe",
        what: `${JSON.stringify(text)} holds a control character`,
        where: "haproxy.cfg",
        fix: "remove line breaks, tabs and other control characters from the value",
      },
    ]);
  }
  if (text !== "" && /^[^\s#"'\\$]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
