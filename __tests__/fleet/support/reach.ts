import { start, succeed } from "../../e2e/support/process";
import type { Host } from "./host";
import { inNamespace } from "./network";

export interface Reached {
  readonly text: string;
  readonly milliseconds: number;
}

/** A connection of its own for each, so that none outlives a fault in a pool. */
export async function reach(url: string, milliseconds = 3_000): Promise<Reached> {
  const began = performance.now();
  const response = await fetch(url, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(milliseconds),
  });
  return { text: await response.text(), milliseconds: performance.now() - began };
}

/** What a container of a host answers, asked by the host itself: nobody else reaches it. */
export async function askContainer({ docker, spec }: Host, name: string, port: number, path: string): Promise<string> {
  const { NetworkSettings } = await docker.getContainer(name).inspect();
  const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
  const script = "fetch(process.argv[1]).then((response) => response.text()).then(console.log)";
  const program = [process.execPath, "-e", script, `http://${address}:${port}${path}`] as const;
  return succeed(start("nsenter", inNamespace(spec.namespace, ...program), { cwd: "/", env: {} }));
}

const UDP_PORT = 9_999;
const WAIT_MS = 2_000;

/** Whether a datagram gets from one host to another; TCP would need both directions. */
export async function datagramArrives(from: Host, to: Host): Promise<boolean> {
  const receiver = inside(
    to,
    `const socket = require("dgram").createSocket("udp4");
     socket.on("message", () => process.exit(0));
     socket.bind(${UDP_PORT}, "${to.address}", () => console.log("bound"));
     setTimeout(() => process.exit(3), ${WAIT_MS});`,
  );
  await receiver.seen("bound");
  const sender = inside(
    from,
    `const socket = require("dgram").createSocket("udp4");
     socket.send("x", ${UDP_PORT}, "${to.address}", () => socket.close());`,
  );
  const [{ status, output }] = await Promise.all([receiver.ended, sender.ended]);
  if (status !== 0 && status !== 3) throw new Error(`receiver at ${to.name}: status ${status}\n${output}`);
  return status === 0;
}

function inside({ spec }: Host, script: string): ReturnType<typeof start> {
  return start("nsenter", inNamespace(spec.namespace, process.execPath, "-e", script), { cwd: "/", env: {} });
}
