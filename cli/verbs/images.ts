import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
For hosts that no registry can be reached from: on a machine that reaches a node which has all images

  mirador images save images.tar

and then, with the fleet of those hosts,

  mirador images load images.tar

Another mirror or other versions are named in the fleet (images), or in the file that MIRADOR_IMAGES names.`;

/** `mirador images`: what nodes run from. */
export const registerImages: Register = (program, run) => {
  const images = program
    .command("images")
    .description("show the images of all nodes; pull, save and load them")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .addHelpText("after", HELP);
  images
    .command("list", { isDefault: true })
    .description("show what each node needs and has (default)")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../operate/images")).listImages(session, nodes, json)),
    );
  images
    .command("pull")
    .description("pull what is missing, before a deploy needs it")
    .argument("[node...]", "these alone (default: all)")
    .action((nodes: readonly string[]) =>
      run((session) =>
        whileLocked(session, ["images pull", ...nodes], async () =>
          (await import("../operate/images")).pullImages(session, nodes),
        ),
      ),
    );
  images
    .command("save")
    .description("write all images into one file")
    .argument("<file>", "is made; a tar archive, as docker save writes it")
    .argument("[node...]", "what these need (default: all)")
    .action((file: string, nodes: readonly string[]) =>
      run(async (session) => (await import("../operate/images")).saveImages(session, file, nodes)),
    );
  images
    .command("load")
    .description("bring the images of such a file to nodes")
    .argument("<file>", "of mirador images save")
    .argument("[node...]", "these alone (default: all)")
    .action((file: string, nodes: readonly string[]) =>
      run((session) =>
        whileLocked(session, ["images load", ...nodes], async () =>
          (await import("../operate/images")).loadImages(session, file, nodes),
        ),
      ),
    );
};
