import { type Problem, type ProblemCode, ProblemError } from "../../lib/problem";

/** The problems that `attempt` throws; anything else that it throws, and nothing at all, fails the test. */
export function problemsOf(attempt: () => unknown): readonly Problem[] {
  let returned: unknown;
  try {
    returned = attempt();
  } catch (error) {
    if (ProblemError.is(error)) return error.problems;
    throw error;
  }
  throw new Error(`expected problems, got ${JSON.stringify(returned)?.slice(0, 200)}`);
}

export async function problemsOfPromise(attempt: Promise<unknown>): Promise<readonly Problem[]> {
  const settled = await attempt.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
  return problemsOf(settled);
}

/** Codes with the place each is reported at: what a reader acts on. */
export function codesOf(problems: readonly Problem[]): readonly (readonly [ProblemCode, string])[] {
  return problems.map(({ code, where }) => [code, where] as const);
}
