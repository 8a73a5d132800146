import { typedPath } from "../typed-path";
import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
So that a tag which somebody moves changes nothing: lock writes what each tag means now into fleet.lock.json, beside fleet.ts.
Commit it; from then on every host runs exactly that.

For hosts that no registry can be reached from: write pulls: false for them in the fleet. On a machine whose own engine
reaches the registries

  mirador images save --here images.tar

or without --here where a node has all images; and then, where the hosts can be reached,

  mirador images load images.tar

Another mirror or other versions are named in the fleet (images), or in the file that MIRADOR_IMAGES names.`;

const LOCK_HELP = `
A Docker engine asks the registries, as it does for a pull. Where one image is made for several processors its digest is that
of the whole list, so hosts of all kinds may share a lock. What no registry has is left out and told. When anything cannot be
resolved nothing is written.

The first lock, and each that moves a digest, replaces the containers of those images at the next mirador up.`;

const BUILD_HELP = `
On this machine's engine, from Go modules and Debian packages; images/README.md says how, and what it takes. The file that it
writes is for MIRADOR_IMAGES. Exit status 1 when the fleet needs an image that cannot be built so; the others are built.`;

interface LockFlags {
  readonly check?: boolean;
  readonly json?: boolean;
  readonly node?: string;
}

/** `mirador images`: what nodes run from. */
export const registerImages: Register = (program, run) => {
  const images = program
    .command("images")
    .description("show the images of all nodes; lock, pull, build, save and load them")
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
    .command("lock")
    .description("resolve the tags to digests, in a file beside the fleet")
    .option("--node <node>", "whose engine asks the registries (default: the first that answers, then this machine's)")
    .option("--check", "write nothing; exit status 2 when the lock is not what registries say now")
    .option("--json", "for programs")
    .addHelpText("after", LOCK_HELP)
    .action(({ check = false, json = false, node }: LockFlags) =>
      run(async (session) => {
        const work = async (): Promise<number> =>
          (await import("../operate/image-lock")).lockFleetImages(session, {
            check,
            json,
            ...(node === undefined ? {} : { node }),
          });
        // Who only looks takes nothing from anybody.
        return check ? work() : whileLocked(session, ["images lock"], work);
      }),
    );
  images
    .command("build")
    .description("build what the fleet needs, where package registries alone are reached")
    .addHelpText("after", BUILD_HELP)
    .action(() => run(async (session) => (await import("../operate/image-build")).buildImages(session)));
  images
    .command("save")
    .description("write all images into one file")
    .argument("<file>", "is made; a tar archive, as docker save writes it")
    .argument("[node...]", "what these need (default: all)")
    .option("--here", "this machine's engine writes, and pulls what it lacks; no node is asked")
    .action((file: string, nodes: readonly string[], { here = false }: { readonly here?: boolean }) =>
      run(async (session) =>
        (await import("../operate/image-files")).saveImages(session, { file: typedPath(session, file), nodes, here }),
      ),
    );
  images
    .command("load")
    .description("bring the images of such a file to nodes")
    .argument("<file>", "of mirador images save")
    .argument("[node...]", "these alone (default: all)")
    .action((file: string, nodes: readonly string[]) =>
      run((session) =>
        whileLocked(session, ["images load", ...nodes], async () =>
          (await import("../operate/image-files")).loadImages(session, typedPath(session, file), nodes),
        ),
      ),
    );
};
