import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerCreateOptions, HostConfig } from "dockerode";
import type { ServicePlan } from "../lib/plan/service-plan";
import { BENCH_FLEET, BENCH_PORTS, PREFIX } from "./fleet";
import type { Session } from "./session";
import { sweep } from "./session";
import type { Shape } from "./shapes";

const READY_SECONDS = 90;
const CONFIG_VOLUME = `${PREFIX}-haproxy-config`;
const LABELS = { "mirador.fleet": BENCH_FLEET };

/** Starts a shape with empty stores, runs `work` when every service is ready, and removes it with its data. */
export async function withShape<T>(session: Session, shape: Shape, work: () => Promise<T>): Promise<T> {
  try {
    await session.docker.createNetwork({ Name: PREFIX, Driver: "bridge", Labels: LABELS });
    await prepareVolumes(session, shape);
    const behind = shape.services.filter(({ service }) => service !== "haproxy");
    await Promise.all(behind.map((plan) => start(session, plan)));
    const mount = `${CONFIG_VOLUME}:${shape.haproxy.folder}:ro`;
    await start(session, shape.haproxy.service, [mount]);
    await waitUntilReady(session, shape);
    return await work();
  } finally {
    await sweep(session);
  }
}

/** Gives the data volumes to their users and puts HAProxy's configuration where it reads it. */
async function prepareVolumes({ docker, parts }: Session, { data, haproxy }: Shape): Promise<void> {
  const files = haproxy.files.map((file) => {
    if (!("text" in file)) throw new Error(`${file.path}: the benchmark's fleet has no certificate`);
    return file;
  });
  const script = [
    "set -e",
    ...data.map(({ owner }, index) => `chown ${owner} /volumes/${index}`),
    ...files.map(({ path }, index) => `printf '%s' "$FILE_${index}" > /config/${path}; chmod 0444 /config/${path}`),
  ].join("\n");
  const container = await docker.createContainer({
    name: `${PREFIX}-prepare`,
    Image: parts.images.haproxy.ref,
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: [script],
    User: "0:0",
    Env: files.map(({ text }, index) => `FILE_${index}=${text}`),
    Labels: LABELS,
    HostConfig: {
      NetworkMode: "none",
      Binds: [...data.map(({ source }, index) => `${source}:/volumes/${index}`), `${CONFIG_VOLUME}:/config`],
    },
  });
  await container.start();
  const { StatusCode: status } = (await container.wait()) as { StatusCode: number };
  if (status !== 0) throw new Error(`preparing volumes: ${await container.logs({ stdout: true, stderr: true })}`);
}

/** The container that `ServiceContainer` makes of the same plan, through the Docker API. */
async function start({ docker, parts }: Session, plan: ServicePlan, binds: readonly string[] = []): Promise<void> {
  const ports = plan.publish.map(({ internal, external, address }) => {
    return [`${internal}/tcp`, [{ HostIp: address, HostPort: String(external) }]] as const;
  });
  const host: HostConfig = {
    Memory: plan.memoryMiB * 2 ** 20,
    MemorySwap: plan.memoryMiB * 2 ** 20,
    Ulimits: [{ Name: "nofile", Soft: plan.openFiles, Hard: plan.openFiles }],
    Binds: [...plan.volumes.map(({ source, path, readOnly }) => `${source}:${path}${readOnly ? ":ro" : ""}`), ...binds],
    Tmpfs: { ...plan.tmpfs },
    PortBindings: Object.fromEntries(ports.map(([port, targets]) => [port, [...targets]])),
    ReadonlyRootfs: true,
    SecurityOpt: ["no-new-privileges:true"],
    CapDrop: ["ALL"],
    LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
    DnsOptions: ["timeout:1", "attempts:1"],
    NetworkMode: PREFIX,
  };
  const options: ContainerCreateOptions = {
    name: `${PREFIX}-${plan.service}`,
    Hostname: plan.service,
    Image: parts.images[plan.image].ref,
    ...(plan.entrypoint === undefined ? {} : { Entrypoint: [...plan.entrypoint] }),
    Cmd: [...plan.command],
    Env: Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`),
    User: plan.user,
    ExposedPorts: Object.fromEntries(ports.map(([port]) => [port, {}])),
    Labels: { ...LABELS, "mirador.service": plan.service },
    HostConfig: host,
    NetworkingConfig: { EndpointsConfig: { [PREFIX]: { Aliases: [plan.service] } } },
    ...(plan.healthcheck === undefined ? {} : { Healthcheck: healthcheck(plan.healthcheck) }),
  };
  await (await docker.createContainer(options)).start();
}

/** Its programs run in the container's cgroup, so they belong to what the container costs. */
function healthcheck(plan: NonNullable<ServicePlan["healthcheck"]>): ContainerCreateOptions["Healthcheck"] {
  const { command } = plan;
  return {
    Test: typeof command === "string" ? ["CMD-SHELL", command] : ["CMD", ...command],
    Interval: plan.intervalSeconds * 1e9,
    Timeout: plan.timeoutSeconds * 1e9,
    Retries: plan.retries,
    StartPeriod: plan.startPeriodSeconds * 1e9,
  };
}

async function waitUntilReady(session: Session, { key, services }: Shape): Promise<void> {
  const url = `http://127.0.0.1:${BENCH_PORTS.stats}/readyz`;
  for (const end = Date.now() + READY_SECONDS * 1000; Date.now() < end; await sleep(250, undefined, session)) {
    if (await answersOk(url)) return;
  }
  const words = await Promise.all(services.map(({ service }) => lastWords(session, service)));
  throw new Error(`${key}: not ready after ${READY_SECONDS} s\n${words.join("\n")}`);
}

/** Not `fetch`: with it a run once ended about here, with nothing left that kept the process alive. Cause unknown. */
function answersOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 3_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
    request.on("close", () => resolve(false));
  });
}

async function lastWords({ docker }: Session, service: string): Promise<string> {
  const container = docker.getContainer(`${PREFIX}-${service}`);
  const { State } = await container.inspect();
  const log = String(await container.logs({ stdout: true, stderr: true, tail: 2 })).trimEnd();
  return `${service}: ${State.Status}${State.ExitCode === 0 ? "" : ` (exit status ${State.ExitCode})`}\n  ${log}`;
}
