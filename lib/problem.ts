/**
 * Every way in which what the user gave can be wrong. A code is a contract: scripts and the troubleshooting
 * table of the README refer to it, so it is never renamed.
 */
export const PROBLEM_CODES = [
  "engine/context-overrides",
  "env/file-missing",
  "env/file-unreadable",
  "env/files-differ",
  "env/line-unreadable",
  "env/node-unlisted",
  "env/node-without-file",
  "env/value-interpolated",
  "env/variable-missing",
  "env/variable-unknown",
  "fleet/address-duplicate",
  "fleet/address-invalid",
  "fleet/backend-invalid",
  "fleet/memory-invalid",
  "fleet/module-missing",
  "fleet/module-syntax",
  "fleet/module-unusable",
  "fleet/name-duplicate",
  "fleet/name-invalid",
  "fleet/no-nodes",
  "fleet/path-invalid",
  "fleet/port-duplicate",
  "fleet/port-invalid",
  "fleet/retention-invalid",
  "fleet/text-unsafe",
  "fleet/unknown-key",
  "fleet/value-invalid",
  "image/below-floor",
  "image/override-invalid",
  "image/flag-unsupported",
  "image/lock-invalid",
  "image/lock-unreadable",
  "image/reference-invalid",
  "mesh/ca-key-missing",
  "mesh/certificate-expired",
  "mesh/certificate-missing",
  "mesh/certificate-not-yet-valid",
  "mesh/certificate-other-ca",
  "mesh/certificate-other-name",
  "mesh/certificate-unfit",
  "mesh/certificate-unreadable",
  "mesh/certificates-brought",
  "mesh/key-mismatch",
  "mesh/rotation-order",
  "secret/blank",
  "secret/missing",
  "secret/readable-by-others",
  "secret/unusable",
  "terraform/reference-in-literal",
  "tls/certificate-expired",
  "tls/certificate-not-yet-valid",
  "tls/certificate-unreadable",
  "tls/key-mismatch",
  "tls/key-unreadable",
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** One thing that is wrong, told so that the reader can repair it without reading the source. */
export interface Problem {
  readonly code: ProblemCode;
  /** The offending value and why it cannot be used. Lower case, no full stop. */
  readonly what: string;
  /** Where it stands: `fleet.nodes[0].name`, an environment variable, a file. */
  readonly where: string;
  /** What to write instead. */
  readonly fix: string;
}

/** Thrown with all problems at once, before anything was touched. */
export class ProblemError extends Error {
  public override readonly name = "ProblemError";

  constructor(public readonly problems: readonly Problem[]) {
    super(formatProblems(problems));
  }

  /** Survives two copies of the package in one process, where `instanceof` does not. */
  public static is(error: unknown): error is ProblemError {
    return error instanceof Error && error.name === "ProblemError" && "problems" in error;
  }
}

export function formatProblem({ code, what, where, fix }: Problem, severity: "error" | "warning" = "error"): string {
  return `${severity} ${code}\n  what   ${printable(what)}\n  where  ${printable(where)}\n  fix    ${printable(fix)}`;
}

/** What a terminal would obey is shown by its code point instead; JSON.stringify leaves some of it as it is. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
}

export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `${problems.map((problem) => formatProblem(problem)).join("\n")}\n${count}; nothing was changed`;
}

/** @throws ProblemError when there is at least one problem. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ProblemError(problems);
}

/** Notes the problems that `read` throws beside those that are known, so that the next reading happens too. */
export function collect<T>(problems: Problem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!ProblemError.is(error)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** As {@link collect}, for a reading that takes time. */
export async function collectLater<T>(problems: Problem[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    return collect<T>(problems, () => {
      throw error;
    });
  }
}
