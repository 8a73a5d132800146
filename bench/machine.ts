import { cpus, release, totalmem } from "node:os";
import { usedKeys } from "./parts";
import { runProgram } from "./program";
import type { Session } from "./session";

/** What was measured, and on what. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly docker: string;
  readonly cgroup: string;
  readonly node: string;
  readonly terraform: string;
  readonly metricsLayout: string;
  readonly partsFrom: string;
  readonly parts: readonly { readonly key: string; readonly ref: string; readonly standIn?: string }[];
}

export async function describeMachine({ docker, parts, environment, signal }: Session): Promise<Machine> {
  const [version, info, terraform] = await Promise.all([
    docker.version(),
    docker.info() as Promise<{ CgroupVersion?: string; Driver: string }>,
    runProgram("terraform", ["version", "-json"], { env: environment, signal }),
  ]);
  const { terraform_version } = JSON.parse(terraform.stdout) as { terraform_version: string };
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    docker: `${version.Version}, ${info.Driver}`,
    cgroup: `v${info.CgroupVersion ?? "1"}`,
    node: process.version,
    terraform: terraform_version,
    metricsLayout: parts.metricsLayout,
    partsFrom: parts.source,
    parts: usedKeys(parts.metricsLayout).map((key) => {
      const { ref, standIn } = parts.images[key];
      return { key, ref, ...(standIn === undefined ? {} : { standIn }) };
    }),
  };
}
