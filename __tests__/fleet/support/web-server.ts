import { Writable } from "node:stream";
import type Docker from "dockerode";
import type { Container } from "dockerode";
import { resolveImages } from "../../../lib";
import { imagesInUse } from "../../e2e/support/images";
import type { FleetContext } from "./context";
import type { Host } from "./host";

/** The smallest image with a shell, a web server and a web client. */
export async function smallImage({ imagesFile }: Pick<FleetContext, "imagesFile">): Promise<string> {
  return resolveImages(await imagesInUse(imagesFile)).haproxy.ref;
}

export const WEB_PORT = 8080;

export interface WebServerOptions {
  readonly image: string;
  readonly name: string;
  /** @default "unless-stopped" */
  readonly restart?: "no" | "unless-stopped";
  /** A port of a host is one container's. @default true */
  readonly publish?: boolean;
}

/** A container that says its host's name on the host's address; its log has a line for each start, on a volume. */
export async function startWebServer(
  { docker, name: hostName, address }: Host,
  { image, name, restart = "unless-stopped", publish = true }: WebServerOptions,
): Promise<Container> {
  const config = [
    "defaults",
    "  mode http",
    "  timeout connect 5s",
    "  timeout client 5s",
    "  timeout server 5s",
    "frontend web",
    `  bind :${WEB_PORT}`,
    `  http-request return status 200 content-type text/plain string ${hostName}`,
  ];
  const container = await docker.createContainer({
    name,
    Image: image,
    User: "0:0",
    Entrypoint: ["sh", "-ec", 'echo start >> /data/log; echo "$0" > /tmp/web.cfg; exec haproxy -W -db -f /tmp/web.cfg'],
    Cmd: [`${config.join("\n")}\n`],
    ExposedPorts: { [`${WEB_PORT}/tcp`]: {} },
    HostConfig: {
      PortBindings: publish ? { [`${WEB_PORT}/tcp`]: [{ HostIp: address, HostPort: `${WEB_PORT}` }] } : {},
      RestartPolicy: { Name: restart },
      Binds: [`${name}-data:/data`],
      Tmpfs: { "/tmp": "mode=1777" },
      Ulimits: [{ Name: "nofile", Soft: 4096, Hard: 4096 }],
    },
  });
  await container.start();
  return container;
}

/** What a container of this host gets from a web server, with whichever wget the image has. */
export async function getFrom(host: Host, image: string, url: string): Promise<string> {
  const get = `$(command -v wget || echo busybox wget) -q -T 3 -O - ${url}`;
  return (await runOnce(host.docker, image, get)).trim();
}

/** What a container without network prints that has this volume. */
export async function readVolume(host: Host, image: string, volume: string, file: string): Promise<string> {
  return runOnce(host.docker, image, `cat /data/${file}`, [`${volume}:/data:ro`]);
}

async function runOnce(docker: Docker, image: string, script: string, binds: readonly string[] = []): Promise<string> {
  let output = "";
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output += chunk.toString("utf8");
      done();
    },
  });
  const [end] = (await docker.run(image, [script], sink, {
    Tty: true,
    User: "0:0",
    Entrypoint: ["sh", "-c"],
    HostConfig: { AutoRemove: true, Binds: [...binds] },
  })) as [{ StatusCode: number }];
  if (end.StatusCode !== 0) throw new Error(`${script}: status ${end.StatusCode} ${output.trim()}`);
  return output;
}
