import { createInterface } from "node:readline/promises";
import { CliError, EXIT, Interrupted, type Trouble } from "../failure";

/** How a person is asked, and what they typed; nothing when there is nobody to ask. */
export type Ask = (question: string) => Promise<string | undefined>;

/**
 * Asks for the fleet's name.
 * @param what lines that say what is going to happen
 * @throws CliError with `refusal`, before anything was touched
 */
export async function confirmed(
  fleet: string,
  what: readonly string[],
  refusal: Pick<Trouble, "code" | "where">,
  ask: Ask,
): Promise<void> {
  const typed = await ask([...what, "Type the fleet's name to go on: "].join("\n"));
  if (typed?.trim() === fleet) return;
  throw new CliError(
    {
      ...refusal,
      what:
        typed === undefined
          ? "nobody can be asked here, and --yes was not given; nothing was touched"
          : `${JSON.stringify(typed.trim())} is not the fleet's name; nothing was touched`,
      fix: `type ${fleet} when you are asked, or give --yes`,
    },
    EXIT.usage,
  );
}

/** @param output where the question stands */
export async function askInTerminal(
  question: string,
  output: NodeJS.WritableStream = process.stdout,
): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output });
  try {
    return await terminal.question(question);
  } catch (error) {
    // Ctrl-C, and Ctrl-D, which is no answer.
    if ((error as Error).name !== "AbortError") throw error;
    if ((error as Error).message.includes("Ctrl+C")) throw new Interrupted("nothing was touched");
    return undefined;
  } finally {
    terminal.close();
  }
}
