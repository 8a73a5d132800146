import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerInspectInfo } from "dockerode";
import { describe, expect, test } from "vitest";
import { MESH_PORT, MESH_SERVICE_NAMES, type MeshService, serverName } from "../../lib/mesh/services";
import { ACCESS_POINT_NAMES } from "../../lib/plan/ports";
import { useFleet } from "./support/deployed";
import { FleetStack } from "./support/fleet-stack";
import { portOf } from "./support/fleets";
import type { Host } from "./support/host";
import { asNeighbour, everyPort, listeningPorts, openPorts, type PortRange } from "./support/scan";
import { context, rig } from "./support/shared-rig";
import { askMesh, issuedForAnApplication, ownMaking, privateKeyLines } from "./support/stranger";
import { say } from "./support/summary";
import { timed } from "./support/wait";

describe(`three nodes from outside (${context.title})`, () => {
  const { stack } = useFleet();

  test("answer at the access points and the mesh port, and at no other of 65535 ports", async () => {
    const wanted = [...ACCESS_POINT_NAMES.map((point) => portOf(stack.fleet, point)), MESH_PORT];
    const scans = await timed(() => Promise.all(rig.hosts.map(({ address }) => openPorts([everyPort(address)]))));
    say("scan", `${rig.hosts.length} addresses in ${scans.seconds.toFixed(1)} s`);
    for (const [index, { address }] of rig.hosts.entries()) {
      const found = (scans.result[index] ?? []).toSorted();
      expect(found).toEqual(wanted.map((port) => `${address}:${port}`).toSorted());
    }
  });

  test("let nobody on their network reach a container but where it is published", async () => {
    for (const host of rig.hosts) {
      const containers = await running(host);
      const ranges = (await Promise.all(containers.map(socketsOf))).flat();
      const published = containers.flatMap((info) => portsOf(info).map((port) => `${addressOf(info)}:${port}`));
      // What this test can see: the host itself reaches its containers, stores and collectors among them.
      const inside = await openPorts(ranges, host.spec.namespace);
      expect(inside.length).toBeGreaterThan(published.length + 10);
      const beside = await asNeighbour(rig.spec, { through: host.spec, network: "172.30.0.0/16" }, (namespace) =>
        openPorts(ranges, namespace),
      );
      say("container network", `${host.name}: ${inside.length} ports inside, ${beside.length} from beside`);
      expect(beside.filter((socket) => !published.includes(socket))).toEqual([]);
    }
  });

  test("take nobody at the mesh port who has not a node's certificate", async () => {
    const folder = await mkdtemp(join(context.folder, "scan-"));
    const own = { cert: join(stack.certificates, "node2.pem"), key: join(stack.certificates, "node2.pem") };
    const strangers = {
      "no certificate": undefined,
      "another authority": await ownMaking(folder, "node2"),
      "the fleet's authority, but no node": await issuedForAnApplication(folder, stack.certificates),
    };
    for (const node of stack.nodes) {
      const mesh = { address: stack.host(node).address, port: MESH_PORT };
      // Somebody who may is answered, so that a mesh that is down does not pass for one that refuses.
      expect(await askMesh(mesh, serverName("node", node), own), node).toMatch(/^HTTP\/1\.1 \d+ /);
      expect(await askMesh(mesh, serverName("vlstorage", node), own), node).toBe("HTTP/1.1 200 OK");
      for (const [who, files] of Object.entries(strangers)) {
        const answers = await Promise.all(
          MESH_SERVICE_NAMES.map(async (service: MeshService) => {
            const answer = await askMesh(mesh, serverName(service, node), files);
            return { node, who, service, refused: /^(ERR_SSL_\w+|ECONNRESET|EPIPE|)$/.test(answer) || answer };
          }),
        );
        expect(answers.filter(({ refused }) => refused !== true)).toEqual([]);
      }
    }
  });
});

describe(`secrets of three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  test("are not in a container's settings, labels or logs", async () => {
    const secrets = await secretsOf(stack);
    for (const host of rig.hosts) {
      const found = await host.docker.listContainers({ all: true });
      expect(found.length, host.name).toBeGreaterThan(10);
      for (const { Id, Names } of found) {
        const container = host.docker.getContainer(Id);
        const settings = JSON.stringify(await container.inspect());
        const logs = (await container.logs({ stdout: true, stderr: true, follow: false })).toString("utf8");
        expect(settings).toContain(`"mirador.fleet":"${stack.fleet.name}"`);
        expect({ Names, settings: leaksIn(settings, secrets), logs: leaksIn(logs, secrets) }).toEqual({
          Names,
          settings: [],
          logs: [],
        });
      }
    }
  });

  test("are not in a plan that makes everything", async () => {
    const folder = await mkdtemp(join(context.folder, "plan-"));
    const fresh = new FleetStack({ ...context, folder }, rig, stack.fleet);
    for (const node of fresh.nodes) {
      const { text, json } = await fresh.planTexts(node);
      const secrets = await secretsOf(fresh);
      expect(text).toMatch(/Plan: \d\d+ to add, 0 to change, 0 to destroy/);
      expect({ node, text: leaksIn(text, secrets), json: leaksIn(json, secrets) }).toEqual({
        node,
        text: [],
        json: [],
      });
    }
  });
});

async function running({ docker }: Host): Promise<readonly ContainerInspectInfo[]> {
  const found = await docker.listContainers();
  return Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
}

function addressOf({ NetworkSettings }: ContainerInspectInfo): string {
  return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
}

async function socketsOf(info: ContainerInspectInfo): Promise<readonly PortRange[]> {
  const ports = await listeningPorts(info.State.Pid);
  return ports.map((port) => ({ address: addressOf(info), from: port, to: port }));
}

/** Ports of the container that Docker publishes. */
function portsOf({ HostConfig }: ContainerInspectInfo): readonly string[] {
  return Object.keys((HostConfig.PortBindings ?? {}) as object).map((port) => port.replace("/tcp", ""));
}

interface Secret {
  readonly name: string;
  readonly text: string;
}

async function secretsOf({ certificates }: FleetStack): Promise<readonly Secret[]> {
  const keys = await privateKeyLines(certificates);
  expect(keys.length).toBeGreaterThan(3);
  return [
    { name: "the stats password", text: context.statsPassword },
    ...keys.map((text) => ({ name: "a private key of the mesh", text })),
  ];
}

/** Names, not values: what is printed here is read by everybody. */
function leaksIn(text: string, secrets: readonly Secret[]): readonly string[] {
  return [...new Set(secrets.filter((secret) => text.includes(secret.text)).map(({ name }) => name))];
}
