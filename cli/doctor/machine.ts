import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Fleet } from "../../lib/fleet/fleet";
import { CliError, type Trouble } from "../failure";
import { checkNode, checkTerraform } from "../machine";
import { holdingLock, stacksLock } from "../run-lock";
import type { Session } from "../session";
import {
  init,
  isRegistryOutOfReach,
  REGISTRY_FIX,
  SynthError,
  synth,
  TerraformError,
  terraformEnvironment,
} from "../terraform";
import { type Check, checked } from "./check";

const HERE = "this machine";

/** The programs of this machine. */
export async function programChecks(
  { environment }: Session,
  fleet: Pick<Fleet, "nodes"> | undefined,
): Promise<readonly Check[]> {
  const ssh = fleet?.nodes.some(({ docker }) => docker.kind === "ssh") === true;
  return Promise.all([
    tried("Node.js", async () => checkNode(process.versions.node)),
    tried("Terraform", () => checkTerraform(environment)),
    ...(ssh ? [tried("ssh", sshVersion)] : []),
  ]);
}

async function tried(what: string, work: () => Promise<string>): Promise<Check> {
  try {
    return checked(HERE, what, {}, await work());
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return checked(HERE, what, { errors: error.troubles }, "");
  }
}

async function sshVersion(): Promise<string> {
  try {
    // It writes its version to the standard error output.
    return (await promisify(execFile)("ssh", ["-V"])).stderr.trim();
  } catch (error) {
    throw new CliError({
      code: "machine/ssh-missing",
      what: `ssh does not run, and nodes of the fleet are reached by it: ${(error as Error).message}`,
      where: HERE,
      fix: "install the OpenSSH client (apt-get install openssh-client)",
    });
  }
}

/** Whether Terraform finds the provider that stacks want; the first node's stack is asked, all want the same. */
export async function providerCheck({ folder, environment }: Session, node: string): Promise<Check> {
  const env = terraformEnvironment(environment);
  try {
    const look = async (): Promise<void> => {
      await synth({ folder, env: environment });
      await init({ folder, node, env });
    };
    await holdingLock(folder, look, stacksLock(environment, "mirador doctor"));
    return checked(HERE, "Docker provider", {}, "found");
  } catch (error) {
    if (error instanceof SynthError) {
      const trouble: Trouble = {
        code: "machine/program-failed",
        what: `the program that writes what Terraform reads fails: ${error.message}`,
        where: "main.ts",
        fix: "the same by hand: npm run synth",
      };
      return checked(HERE, "Docker provider", { errors: [trouble] }, "");
    }
    // Somebody deploys just now, and has found it.
    if (error instanceof CliError) return checked(HERE, "Docker provider", { warnings: error.troubles }, "");
    if (!(error instanceof TerraformError)) throw error;
    const trouble: Trouble = {
      code: "machine/provider-missing",
      what: error.message,
      where: `stack ${node}`,
      fix: isRegistryOutOfReach(error)
        ? REGISTRY_FIX
        : `the same by hand: terraform -chdir=cdktf.out/stacks/${node} init`,
    };
    return checked(HERE, "Docker provider", { errors: [trouble] }, "");
  }
}
