import type { X509Certificate } from "node:crypto";
import { ensurePki, expiryWarnings, type MeshFleet, whatWasMade } from "../inputs/pki";
import { type CaChange, caChange } from "../inputs/pki/change";
import { inspectPki } from "../inputs/pki/inspect";
import { fleetCommand, pkiPaths } from "../inputs/pki/paths";
import { daysLeft } from "../inputs/pki/read";
import { renewCertificates } from "../inputs/pki/renew";
import { beginCaChange, finishCaChange, issueByNextCa, nextStep } from "../inputs/pki/rotate";
import { formatProblem, type Problem } from "../lib/problem";
import { columns } from "./access-table";
import { chosen } from "./chosen";
import { CliError, EXIT } from "./failure";

/** What `mirador pki` was asked for; without a word of its own it makes what is missing. */
export type PkiArguments =
  | { readonly action: "make" }
  | { readonly action: "show"; readonly json: boolean }
  | { readonly action: "renew"; readonly choice: readonly string[] | "all" | "due" }
  | { readonly action: "rotate-ca"; readonly step: "begin" | "issue" | "finish" };

/** What the work is done on. */
export interface PkiContext {
  /** The checkout. */
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
  if (typeof choice !== "string") chosen(fleet.nodes, choice, { code: "pki/unknown-node", what: "node" });
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
  const fix = "nothing is needed; for another fleet: MIRADOR_FLEET=<file> npm run mirador -- pki";
  return new CliError({ code: "pki/no-mesh", what, fix }, EXIT.wrongFleet);
}
