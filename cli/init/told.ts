import { relative } from "node:path";
import { whatWasMade } from "../../inputs/pki";
import { fleetCommand } from "../../inputs/pki/paths";
import type { DockerDefinition } from "../../lib/fleet/definition";
import type { Progress } from "../progress";
import { engineText } from "./node-option";
import type { Made } from "./run";

const NEXT = [
  ["npm run mirador -- doctor", "looks at everything that a deploy needs"],
  ["npm run mirador -- up", "deploys the fleet"],
] as const;

/** What was made and kept, and what to do next, for a person. */
export function tellMade(made: Made, folder: string, progress: Pick<Progress, "note" | "line">): void {
  const { fleet, module, password, certificates, oldFolders } = made;
  progress.note("fleet", fleetSaid(made));
  for (const { name, address, docker } of fleet.nodes)
    progress.note(
      "",
      `${name} at ${address}, ${isPlain(docker) ? "this machine's Docker engine" : `Docker engine ${engineText(docker)}`}`,
    );
  progress.note("secrets", `password of the stats page ${password.made ? "generated, in" : "kept:"} ${password.where}`);
  if (certificates !== undefined) {
    const what = whatWasMade(certificates);
    const where = relative(folder, certificates.folder);
    progress.note("mesh", what === "" ? `certificates kept: ${where}` : `made ${what} in ${where}`);
    if (certificates.ca) progress.note("", "keep a copy of that folder: without ca.key no certificate can be issued");
  }
  progress.line("");
  if (oldFolders.length > 0)
    progress.line(
      `first: ${oldFolders.join(", ")} hold the old stack's data; give new folders as storagePaths in ${module}`,
    );
  const commands = NEXT.map(([command, what]) => [fleetCommand({ module: moduleFor(made) }, command), what] as const);
  const width = Math.max(...commands.map(([command]) => command.length));
  commands.forEach(([command, what], at) => {
    progress.line(`${at === 0 ? "next:" : "     "} ${command.padEnd(width)}  ${what}`);
  });
}

const isPlain = (docker: DockerDefinition): boolean => docker.kind === "unix" && docker.socket === undefined;

function fleetSaid({ fleet, module, written, differs, same }: Made): string {
  const count = fleet.nodes.length === 1 ? "1 node" : `${fleet.nodes.length} nodes`;
  const what = `fleet ${fleet.name} of ${count}`;
  if (written) return `${module} written: ${what}`;
  if (differs)
    return `${module} kept: ${what}, another one than was asked for; to have that written, move the file away`;
  return `${module} kept, ${same ? "it says all this already" : "as you wrote it"}: ${what}`;
}

/** A command need not name the file that is looked for anyway. */
const moduleFor = ({ module }: Made): string | undefined => (module === "fleet.ts" ? undefined : module);

/** The same for programs. No secret is in it. */
export function madeJson({ fleet, module, written, differs, password, certificates, ...made }: Made): string {
  const nodes = fleet.nodes.map(({ name, address, docker }) => ({ name, address, engine: engineText(docker) }));
  const shown = {
    fleet: { name: fleet.name, file: module, written, differs, nodes },
    password,
    ...(certificates === undefined ? {} : { certificates }),
    next: NEXT.map(([command]) =>
      fleetCommand({ module: moduleFor({ fleet, module, written, differs, password, ...made }) }, command),
    ),
  };
  return JSON.stringify(shown, null, 2);
}
