import { renameSync } from "node:fs";
import { ProblemError } from "../../lib/problem";
import { authorityOf, type CaChange, caChange } from "./change";
import { inspectPki, readAuthorities } from "./inspect";
import { fleetCommand, type MeshFleet, ownPkiPaths, type PkiPaths } from "./paths";
import { reissue } from "./renew";
import { PUBLIC_MODE, replaceFile, SECRET_MODE } from "./write";

/**
 * First step of a change of the authority: another one is made, and `ca.crt` holds both. Nothing is issued by it
 * before every node trusts it. When that step is done already, it does nothing. The old key is not needed.
 * @throws ProblemError `mesh/rotation-order` when a change is further than this
 */
export async function beginCaChange(checkout: string, fleet: MeshFleet, now: Date): Promise<CaChange> {
  const paths = ownPkiPaths(checkout, fleet);
  const before = changeOf(paths, fleet, now);
  if (before.stage === "begun") return before;
  if (before.stage !== "none")
    throw outOfTurn(paths, "an earlier change of the authority is not finished", before, fleet);
  const { certificates } = readAuthorities(paths);
  const { authorityCertificate, newKey } = await import("./issue");
  const key = newKey();
  const next = await authorityCertificate(key, fleet.name, now);
  // The key first: a key that no certificate belongs to has issued nothing and is made anew by the next attempt.
  replaceFile(paths.nextCaKey, key, SECRET_MODE);
  replaceFile(paths.ca, certificates.map(String).join("") + next, PUBLIC_MODE);
  return changeOf(paths, fleet, now);
}

/**
 * Second step: every node's certificate comes from the new authority. Those that do already stay as they are.
 * @returns names of the nodes that got another certificate
 * @throws ProblemError `mesh/rotation-order` when no change was begun
 */
export async function issueByNextCa(checkout: string, fleet: MeshFleet, now: Date): Promise<readonly string[]> {
  const paths = ownPkiPaths(checkout, fleet);
  const inspection = inspectPki(paths, fleet, now);
  const change = caChange(paths, inspection);
  if (change.stage === "none") throw outOfTurn(paths, "no change of the authority was begun", change, fleet);
  const pending = fleet.nodes.filter(({ name }) => change.pending.includes(name));
  await reissue(paths, inspection, pending, authorityOf(paths, paths.nextCaKey, now), now);
  return change.pending;
}

/**
 * Last step: the old authority is trusted no longer, and its key is gone. `ca.crt.previous` holds both certificates.
 * @throws ProblemError `mesh/rotation-order` while a node's certificate comes from the old one
 */
export async function finishCaChange(checkout: string, fleet: MeshFleet, now: Date): Promise<void> {
  const paths = ownPkiPaths(checkout, fleet);
  const change = changeOf(paths, fleet, now);
  if (change.stage === "none") throw outOfTurn(paths, "no change of the authority was begun", change, fleet);
  if (change.stage === "begun") {
    const what = `${change.pending.join(", ")} would be cut off: no certificate from the new authority there yet`;
    throw outOfTurn(paths, what, change, fleet);
  }
  if (change.stage === "issued") {
    const both = readAuthorities(paths).certificates.map(String).join("");
    replaceFile(`${paths.ca}.previous`, both, PUBLIC_MODE);
    replaceFile(paths.ca, change.next.toString(), PUBLIC_MODE);
  }
  renameSync(paths.nextCaKey, paths.caKey);
}

/** What to do next in a change of the authority, in words. */
export function nextStep(change: CaChange, fleet: MeshFleet): string {
  const { nodes } = fleet;
  const deploy = fleetCommand(fleet, `npx cdktf deploy ${nodes.map(({ name }) => name).join(" ")}`);
  const rotate = fleetCommand(fleet, "npm run mirador -- pki rotate-ca");
  switch (change.stage) {
    case "none":
      return `begin with ${rotate}`;
    case "begun":
      return change.pending.length < nodes.length
        ? `complete the second step: ${rotate} --issue`
        : `deploy every node, so that all of them trust both authorities: ${deploy}; then ${rotate} --issue`;
    case "issued":
      return `deploy every node, so that all of them show their new certificates: ${deploy}; then ${rotate} --finish`;
    case "finishing":
      return `complete the last step: ${rotate} --finish`;
  }
}

function changeOf(paths: PkiPaths, fleet: MeshFleet, now: Date): CaChange {
  return caChange(paths, inspectPki(paths, fleet, now));
}

function outOfTurn({ ca }: PkiPaths, what: string, change: CaChange, fleet: MeshFleet): ProblemError {
  return new ProblemError([{ code: "mesh/rotation-order", what, where: ca, fix: nextStep(change, fleet) }]);
}
