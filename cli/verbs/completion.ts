import { Argument } from "commander";
import { candidates } from "../completion/candidates";
import { fleetWords } from "../completion/fleet-words";
import { COMPLETE, completionScript, FILES, SHELLS, type Shell } from "../completion/scripts";
import type { Register } from ".";

const HELP = `
The script completes verbs, options, and the names of nodes and services. It also makes the command "mirador", which
runs this checkout's from any folder. Read it now, or from ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish:

  bash  source <(npm run -s mirador -- completion bash)
  zsh   source <(npm run -s mirador -- completion zsh)
  fish  npm run -s mirador -- completion fish | source`;

/** `mirador completion`: what a shell needs to complete a command line, and the verb that it asks. */
export const registerCompletion: Register = (program, run) => {
  program
    .command("completion")
    .description("print a script by which a shell completes the words of mirador")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", HELP)
    .action((shell: Shell) =>
      run(async ({ folder }) => {
        process.stdout.write(completionScript(shell, folder));
      }),
    );
  program
    .command(COMPLETE, { hidden: true })
    .argument("[word...]")
    .action((words: readonly string[]) =>
      run(async (session) => {
        const found = await candidates(program, words, fleetWords(session));
        const lines =
          found === "files" ? [FILES] : found.map(({ word, about }) => (about ? `${word}\t${about}` : word));
        process.stdout.write(lines.map((line) => `${line}\n`).join(""));
      }),
    );
};
