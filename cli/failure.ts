/** Exit statuses; a contract, scripts branch on them. */
export const EXIT = { ok: 0, failed: 1, differences: 2, usage: 64, wrongFleet: 65, interrupted: 130 } as const;

/** Something outside that is not as it must be, told so that the reader can repair it. */
export interface Trouble {
  readonly code: string;
  /** Lower case, no full stop. */
  readonly what: string;
  readonly where?: string;
  /** The last lines that the culprit printed. */
  readonly tail?: readonly string[];
  /** What to do, best as a command. */
  readonly fix: string;
}

export class CliError extends Error {
  public override readonly name = "CliError";
  public readonly troubles: readonly Trouble[];

  constructor(
    trouble: Trouble | readonly Trouble[],
    public readonly exitCode: number = EXIT.failed,
  ) {
    const troubles = [trouble].flat();
    super(troubles.map(formatTrouble).join("\n"));
    this.troubles = troubles;
  }
}

/** The person asked to stop. */
export class Interrupted extends Error {
  public override readonly name = "Interrupted";

  constructor(
    message = "interrupted",
    /** What the person is told to be the case now. */
    public readonly outcome = "the same command again completes what was begun",
  ) {
    super(message);
  }
}

export function formatTrouble({ code, what, where, tail = [], fix }: Trouble): string {
  return [
    `error ${code}`,
    `  what   ${indent(what)}`,
    ...tail.map((line) => `    | ${line}`),
    ...(where === undefined ? [] : [`  where  ${where}`]),
    `  fix    ${indent(fix)}`,
  ].join("\n");
}

const indent = (text: string): string => text.trim().replaceAll(/\n(?=.)/g, "\n         ");
