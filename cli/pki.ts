import type { X509Certificate } from "node:crypto";
import { Command, Option } from "commander";
import { readEnvironment } from "../inputs/environment";
import { loadFleet } from "../inputs/load-fleet";
import { ensurePki, expiryWarnings, type MeshFleet, whatWasMade } from "../inputs/pki";
import { type CaChange, caChange } from "../inputs/pki/change";
import { inspectPki } from "../inputs/pki/inspect";
import { fleetCommand, pkiPaths } from "../inputs/pki/paths";
import { daysLeft } from "../inputs/pki/read";
import { renewCertificates } from "../inputs/pki/renew";
import { beginCaChange, finishCaChange, issueByNextCa, nextStep } from "../inputs/pki/rotate";
import type { Environment } from "../lib/fleet/environment";
import { formatProblem, type Problem } from "../lib/problem";
import { columns } from "./access-table";
import { CliError, EXIT } from "./failure";
import { runToExit } from "./session";

export type PkiArguments =
  | { readonly action: "make" }
  | { readonly action: "show"; readonly json: boolean }
  | { readonly action: "renew"; readonly choice: readonly string[] | "all" | "due" }
  | { readonly action: "rotate-ca"; readonly step: "begin" | "issue" | "finish" };

const HELP = `
Nodes of a fleet of two and more talk to each other by mutual TLS. Without a command what is missing is made: an
authority of the fleet's own (10 years) and a certificate for each node (1 year), in .mirador/pki/<fleet>. A file
that is there is never changed. Keep a copy of that folder: without ca.key no certificate can be issued.

No command reaches a node; what they make arrives there by the next deploy.

Environment:
  MIRADOR_FLEET  the fleet                  (default: fleet.ts)

Exit status: 0 ok, 1 failed, 64 wrong usage, 65 wrong fleet, unusable certificate or a step out of turn.`;

const ROTATE_HELP = `
Three steps, and every node is deployed after each of them:
  npm run pki -- rotate-ca            makes another authority; nodes learn to trust both
  npm run pki -- rotate-ca --issue    gives every node a certificate from the new one
  npm run pki -- rotate-ca --finish   drops the old one

Nobody is cut off meanwhile. Each step refuses when the one before is not done. It cannot see whether every
node was deployed in between; see to that before you go on.`;

/** @throws CommanderError for wrong usage, and after help was printed */
export function parseArguments(
  argv: readonly string[],
  write = (text: string): unknown => process.stdout.write(text),
): PkiArguments {
  let parsed: PkiArguments = { action: "make" };
  // Not an action of the program: commander would take an unknown word for its argument, and suggest nothing.
  if (argv.length === 0) return parsed;
  const program = new Command("npm run pki --")
    .description("Makes and renews the certificates that the nodes of a fleet show each other.")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .addHelpText("after", HELP)
    .allowExcessArguments(false)
    .configureHelp({ helpWidth: 100 })
    .configureOutput({ writeOut: write, writeErr: write })
    .showHelpAfterError("(npm run pki -- --help shows what there is)")
    .exitOverride();
  program
    .command("show")
    .description("show who has which certificate and until when")
    .option("--json", "for programs")
    .action(({ json }: { json?: boolean }) => {
      parsed = { action: "show", json: json === true };
    });
  program
    .command("renew")
    .description(
      "make new certificates: for the nodes that are named, else where 30 days or fewer are left or the certificate cannot be used; the old file stays as <node>.pem.previous",
    )
    .argument("[node...]", "names of nodes")
    .option("--all", "for all nodes")
    .action((names: string[], { all }: { all?: boolean }, command: Command) => {
      if (all && names.length > 0) command.error("error: name nodes, or say --all");
      parsed = { action: "renew", choice: all ? "all" : names.length > 0 ? names : "due" };
    });
  program
    .command("rotate-ca")
    .description("change the authority, in three steps")
    .addOption(new Option("--issue", "second step: a new certificate for every node").conflicts("finish"))
    .option("--finish", "last step: the old authority goes")
    .addHelpText("after", ROTATE_HELP)
    .action(({ issue, finish }: { issue?: boolean; finish?: boolean }) => {
      parsed = { action: "rotate-ca", step: finish ? "finish" : issue ? "issue" : "begin" };
    });
  program.parse(argv, { from: "user" });
  return parsed;
}

export interface PkiContext {
  readonly folder: string;
  readonly fleet: MeshFleet;
  readonly now: Date;
  readonly print: (line: string) => void;
}

/**
 * Does what was asked and shows what there is then.
 * @returns the exit status
 * @throws ProblemError, CliError when nothing was done
 */
export async function runPki(parsed: PkiArguments, context: PkiContext): Promise<number> {
  const { fleet, print } = context;
  if (fleet.nodes.length < 2) throw noMesh(fleet);
  if (parsed.action === "show" && parsed.json) return printJson(context);
  if (parsed.action === "make") await make(context);
  else if (parsed.action === "renew") await renew(context, parsed.choice);
  else if (parsed.action === "rotate-ca") await rotate(context, parsed.step);
  if (parsed.action !== "show") print("");
  return show(context);
}

async function make({ folder, fleet, now, print }: PkiContext): Promise<void> {
  // In a folder that another authority fills there is nothing to make; what is missing there is shown.
  if (pkiPaths(folder, fleet).brought) return print("the certificates come from your own authority; nothing to make");
  const made = await ensurePki(folder, fleet, now);
  const what = whatWasMade(made);
  print(what === "" ? "everything is there; nothing was made" : `made ${what}`);
  if (made.ca) print(`keep a copy of ${made.folder}: without ca.key no certificate can be issued`);
}

async function renew({ folder, fleet, now, print }: PkiContext, choice: readonly string[] | "all" | "due") {
  const names = fleet.nodes.map(({ name }) => name);
  const unknown = typeof choice === "string" ? [] : choice.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    const what = `the fleet has no node ${unknown.join(", ")}`;
    throw new CliError({ code: "pki/unknown-node", what, fix: `name some of ${names.join(", ")}` }, EXIT.usage);
  }
  const renewed = await renewCertificates(folder, fleet, now, choice);
  if (renewed.length === 0) return print("no certificate is due; nothing was changed");
  print(`new certificates for ${renewed.join(", ")}; the old files are beside them, as <node>.pem.previous`);
  print(`next: ${fleetCommand(fleet, `npx cdktf deploy ${renewed.join(" ")}`)}`);
}

async function rotate({ folder, fleet, now, print }: PkiContext, step: "begin" | "issue" | "finish"): Promise<void> {
  if (step === "begin") {
    await beginCaChange(folder, fleet, now);
    return print("step 1 of 3: there is another authority, and ca.crt holds both");
  }
  if (step === "issue") {
    const issued = await issueByNextCa(folder, fleet, now);
    return print(
      issued.length === 0
        ? "step 2 of 3: every node's certificate comes from the new authority already"
        : `step 2 of 3: the new authority issued certificates for ${issued.join(", ")}`,
    );
  }
  await finishCaChange(folder, fleet, now);
  print("step 3 of 3: the old authority and its key are gone; ca.crt.previous holds both certificates");
  const deploy = fleetCommand(fleet, `npx cdktf deploy ${namesOf(fleet)}`);
  print(`next: deploy every node, so that none trusts the old authority: ${deploy}`);
}

function namesOf({ nodes }: MeshFleet): string {
  return nodes.map(({ name }) => name).join(" ");
}

interface ShownCertificate {
  /** `ca`, or a node's name. */
  readonly who: string;
  readonly path: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` tells it; nothing else is told without it. */
  readonly fingerprint?: string;
  readonly validUntil?: string;
  readonly daysLeft?: number;
  readonly names?: readonly string[];
  /** Fingerprint of the authority that issued it. */
  readonly issuer?: string;
}

interface ShownPki {
  readonly certificates: readonly ShownCertificate[];
  readonly change: CaChange;
  /** One line for each certificate that ends soon. */
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

function look({ folder, fleet, now }: PkiContext): ShownPki {
  const paths = pkiPaths(folder, fleet);
  const inspection = inspectPki(paths, fleet, now);
  const { ca, nodes, problems } = inspection;
  const tell = (who: string, path: string, certificate?: X509Certificate, issuer?: X509Certificate) => ({
    who,
    path,
    ...(certificate === undefined
      ? {}
      : {
          fingerprint: certificate.fingerprint256,
          validUntil: new Date(certificate.validTo).toISOString(),
          daysLeft: daysLeft(certificate, now),
          names: namesIn(certificate),
        }),
    ...(issuer === undefined ? {} : { issuer: issuer.fingerprint256 }),
  });
  const authorities = ca?.certificates.map((one) => tell("ca", paths.ca, one, one)) ?? [tell("ca", paths.ca)];
  const certificates = nodes.map(({ name, file, issuers: [issuer] }) =>
    tell(name, paths.node(name), file?.certificates[0], issuer),
  );
  return {
    certificates: [...authorities, ...certificates],
    change: caChange(paths, inspection),
    warnings: expiryWarnings(paths, inspection, now),
    problems,
  };
}

function namesIn({ subjectAltName }: X509Certificate): readonly string[] {
  return (subjectAltName ?? "").split(", ").flatMap((name) => name.replace(/^(DNS|IP Address):/, "") || []);
}

function printJson(context: PkiContext): number {
  const { certificates, change, problems } = look(context);
  const { folder } = pkiPaths(context.folder, context.fleet);
  const { stage } = change;
  const text = JSON.stringify({ fleet: context.fleet.name, folder, caChange: stage, certificates, problems }, null, 2);
  context.print(text);
  return problems.length === 0 ? EXIT.ok : EXIT.wrongFleet;
}

/** Enough of it to tell two authorities apart, and the first bytes of what other programs show. */
const FINGERPRINT_LENGTH = "AA:BB:CC:DD:EE:FF:00:11".length;

function show(context: PkiContext): number {
  const { folder, fleet, print } = context;
  const { certificates, change, warnings, problems } = look(context);
  print(`fleet ${fleet.name}, ${pkiPaths(folder, fleet).folder}`);
  const rows = certificates.map(({ who, fingerprint, validUntil, daysLeft: days, names, issuer }) => [
    who === "ca" && change.stage !== "none" && fingerprint === change.next.fingerprint256 ? "ca, new" : who,
    validUntil?.slice(0, 10) ?? "-",
    days === undefined ? "-" : days < 0 ? "expired" : String(days),
    issuer?.slice(0, FINGERPRINT_LENGTH) ?? "-",
    names?.join(", ") || "-",
  ]);
  for (const line of columns([["who", "valid until", "days left", "issuer (SHA-256)", "names"], ...rows])) print(line);
  for (const warning of warnings) print(`warning ${warning}`);
  if (change.stage !== "none") print(`\nthe authority is being changed; next: ${nextStep(change, fleet)}`);
  if (problems.length > 0) print("");
  for (const problem of problems) print(formatProblem(problem));
  return problems.length === 0 ? EXIT.ok : EXIT.wrongFleet;
}

function noMesh({ name }: MeshFleet): CliError {
  const what = `fleet ${name} has one node, and a single node has no mesh`;
  const fix = "nothing is needed; for another fleet: MIRADOR_FLEET=<file> npm run pki";
  return new CliError({ code: "pki/no-mesh", what, fix }, EXIT.wrongFleet);
}

async function run(parsed: PkiArguments, folder: string, processEnvironment: Environment): Promise<number> {
  const environment = readEnvironment(folder, processEnvironment);
  const fleet = { ...(await loadFleet(folder, environment)), module: environment.MIRADOR_FLEET };
  return runPki(parsed, { folder, fleet, now: new Date(), print: (line) => process.stdout.write(`${line}\n`) });
}

if (require.main === module) {
  void runToExit(() => run(parseArguments(process.argv.slice(2)), process.cwd(), process.env));
}
