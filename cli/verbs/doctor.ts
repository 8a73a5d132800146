import type { Register } from ".";

const HELP = `
Looks at this machine (Node.js, Terraform, its Docker provider, ssh), at the fleet (definition, secrets, certificates),
and at each host through its engine: version, memory, disk, open files, images, address, ports, what is stored there,
clocks, engines that two nodes share, nodes that were taken out, and who is at the mesh's ports. Everything that is wrong
is told with what to do. Nothing is changed: a container that only reads is made and removed on each host.

Exit status 0, and 1 when anything is wrong; warnings change nothing about it.`;

/** `mirador doctor`: whether a deploy will find what it needs. */
export const registerDoctor: Register = (program, run) => {
  program
    .command("doctor")
    .description("look at everything that a deploy needs")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../doctor/run")).doctor(session, { nodes, json })),
    );
};
