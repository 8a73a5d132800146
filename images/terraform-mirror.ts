import { chmod, copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BUILT_VERSIONS } from "./built-versions";
import { writeAtomically } from "./cache";
import { GO_ARCHITECTURE, GO_SYSTEM } from "./go-parts";

/** Terraform knows a provider's version by the name of its folder and of its file alone. */
const PROVIDER_VERSION = BUILT_VERSIONS.provider;
const ADDRESS = "registry.terraform.io/kreuzwerker/docker";
const PATTERN = "registry.terraform.io/kreuzwerker/*";

export function terraformConfigPath(cache: string): string {
  return join(cache, "terraform.rc");
}

/** Puts the built provider where Terraform looks for it when `TF_CLI_CONFIG_FILE` names the file this writes. */
export async function installProvider(cache: string, program: string): Promise<void> {
  const mirror = join(cache, "terraform-mirror");
  const place = `${GO_SYSTEM}_${GO_ARCHITECTURE}`;
  const suffix = GO_SYSTEM === "windows" ? ".exe" : "";
  await copyIfDifferent(
    program,
    join(mirror, ADDRESS, PROVIDER_VERSION, place, `terraform-provider-docker_v${PROVIDER_VERSION}${suffix}`),
  );
  await writeAtomically(terraformConfigPath(cache), renderTerraformConfig(mirror));
}

function renderTerraformConfig(mirror: string): string {
  return `# Written by images/build.ts. The Docker provider comes from this machine, every other one from its registry.
disable_checkpoint = true

provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(mirror)}
    include = ["${PATTERN}"]
  }
  direct {
    exclude = ["${PATTERN}"]
  }
}
`;
}

/** A running Terraform keeps the file it started; a new one never sees half of it. */
async function copyIfDifferent(from: string, to: string): Promise<void> {
  const present = await readFile(to).catch(() => undefined);
  if (present?.equals(await readFile(from))) return;
  await mkdir(dirname(to), { recursive: true });
  // Outside the provider's own folder, whose whole content Terraform takes for the package.
  const draft = join(dirname(dirname(to)), `.${process.pid}.new`);
  await copyFile(from, draft);
  await chmod(draft, 0o755);
  await rename(draft, to);
}
