import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ensurePki, readMeshFiles } from "../../inputs/pki";
import { defineFleet, type NodePlan, planFleet, type ServiceName, servicesOf } from "../../lib";
import { PORTS } from "../../lib/plan/ports";
import { builtImages, type ProgramName, program } from "./binaries";
import { temporaryFolder } from "./folders";
import { type Running, start, untilAnswers } from "./processes";

/**
 * Every node has two loopback addresses of its own, HAProxy's and that of everything behind it, so that all programs use
 * the ports that they have in containers.
 */
const ADDRESSES = ["127.0.8.1", "127.0.8.2"] as const;
const FOLDER = "/usr/local/etc/haproxy";
/** What runs of a node; everything else of it has no part in taking native protocols. */
export const RUN = ["haproxy", "vmsingle", "vlstorage", "vmagent", "vlagent"] as const satisfies readonly ServiceName[];
export type RunName = (typeof RUN)[number];
const PROGRAMS: Readonly<Record<RunName, ProgramName>> = {
  haproxy: "haproxy",
  vmsingle: "victoria-metrics",
  vlstorage: "victoria-logs",
  vmagent: "vmagent",
  vlagent: "vlagent",
};
export const NEEDED = Object.values(PROGRAMS);

/** One node: real programs, started as planned, and one server in place of the gateway. */
export class RealNode {
  private readonly running = new Map<RunName, Running>();
  /** What the gateway was asked. */
  public readonly gatewayTook: string[] = [];

  constructor(
    private readonly plan: NodePlan,
    private readonly folder: string,
    private readonly changed: (file: string, text: string) => string,
  ) {
    mkdirSync(folder);
  }

  /** Where the programs behind HAProxy listen. */
  public get behind(): string {
    return this.plan.address.replace("127.0.8.", "127.0.9.");
  }

  public url(port: number, path = ""): string {
    return `http://${this.plan.address}:${port}${path}`;
  }

  public serviceUrl(service: Exclude<RunName, "haproxy">, path: string): string {
    return `http://${this.behind}:${PORTS[service]}${path}`;
  }

  /** @param options of a request that goes on a connection of its own */
  public async ask(port: number, path: string, options: RequestInit = {}): Promise<{ status: number; body: string }> {
    const headers = { connection: "close", ...options.headers };
    const response = await fetch(this.url(port, path), { ...options, headers });
    return { status: response.status, body: await response.text() };
  }

  public async startAll(): Promise<void> {
    await this.startGateway();
    await Promise.all(RUN.map((name) => this.start(name)));
  }

  public async start(name: RunName): Promise<void> {
    const running = start(program(PROGRAMS[name]), ...(name === "haproxy" ? this.balancer() : this.flags(name)));
    this.running.set(name, running);
    const health = name === "haproxy" ? this.url(PORTS.haproxyInternal, "/healthz") : this.serviceUrl(name, "/health");
    await untilAnswers(health, running);
  }

  public async stop(name: RunName, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.running.get(name)?.process;
    if (child === undefined) throw new Error(`${name} was not started`);
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  public output(name: RunName): string {
    return this.running.get(name)?.output() ?? "";
  }

  private flags(name: Exclude<RunName, "haproxy">): readonly string[] {
    const service = servicesOf(this.plan).find((candidate) => candidate.service === name);
    if (service === undefined) throw new Error(`${this.plan.name} has no ${name}`);
    const [volume = { path: "" }] = service.volumes;
    return service.command.map((flag) =>
      flag
        .replace(/^-httpListenAddr=:/, `-httpListenAddr=${this.behind}:`)
        .replace("//haproxy:", `//${this.plan.address}:`)
        .replace(`=${volume.path}`, `=${join(this.folder, name)}`),
    );
  }

  private balancer(): readonly string[] {
    const { address, name, haproxy } = this.plan;
    const local = (text: string): string =>
      text
        .replaceAll(FOLDER, this.folder)
        .replaceAll("/run/haproxy", this.folder)
        .replaceAll("/var/lib/haproxy", this.folder)
        .replaceAll(/bind :(\d+)/g, `bind ${address}:$1`)
        .replaceAll(/127\.0\.0\.1:(840[56])/g, `${address}:$1`)
        .replaceAll("abns@", `abns@${process.pid}-${name}-`)
        .replaceAll(/http:\/\/[a-z]+:(\d+)\/metrics/g, `http://${this.behind}:$1/metrics`)
        .replaceAll(/(server \S+) \S+?:(\d+) (.*)resolvers docker init-addr none/g, `$1 ${this.behind}:$2 $3`);
    for (const file of haproxy.files) {
      const content = "text" in file ? this.changed(file.path, local(file.text)) : readFileSync(file.sourcePath);
      writeFileSync(join(this.folder, file.path), content);
    }
    return ["-db", "-f", join(this.folder, "haproxy.cfg")];
  }

  private async startGateway(): Promise<void> {
    const gateway = createServer(({ method, url = "" }: IncomingMessage, response) => {
      // As the receiver does; HAProxy's check of it is this answer.
      if (method === "GET") response.writeHead(405).end();
      else {
        this.gatewayTook.push(url);
        response.end("{}");
      }
    }).listen(PORTS.otlpHttp, this.behind);
    onTestFinished(() => {
      gateway.closeAllConnections();
      gateway.close();
    });
    await once(gateway, "listening");
  }
}

/**
 * Two nodes, one of each storage group, over a real mesh.
 * @param changed a last change to a file that HAProxy reads. @default - none
 */
export async function realNodes(
  changed: (file: string, text: string) => string = (_, text) => text,
): Promise<readonly [RealNode, RealNode]> {
  const folder = temporaryFolder();
  const fleet = defineFleet({
    name: "native",
    nodes: ADDRESSES.map((address, index) => ({ name: `node${index + 1}`, address })),
    layouts: { metrics: "single", logs: "single", traces: "single" },
    minFreeDisk: "100MiB",
    images: builtImages(),
  });
  await ensurePki(folder, fleet, new Date());
  const mesh = readMeshFiles(folder, fleet, new Date());
  const { nodes } = planFleet(fleet, { statsPassword: "correct-horse-battery", mesh });
  const [one, two] = nodes.map((plan) => new RealNode(plan, join(folder, plan.name), changed));
  if (one === undefined || two === undefined) throw new Error("two nodes are wanted");
  await Promise.all([one, two].map((node) => node.startAll()));
  return [one, two];
}
