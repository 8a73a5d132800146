import type { AccessPointName } from "../plan/ports";
import type { Endpoint } from "../victoria/endpoints";
import type { AccessPoint, OtherNodes } from "./access";
import { healthRequest, STANDBY_CHECK } from "./mesh";
import { type Directive, line, type Section } from "./section";
import { localServer, meshCheck, meshServer } from "./server";

/** What a backend needs to know of an access point. */
export type Behind = Pick<AccessPoint, "name" | "target" | "patience" | "http2" | "others">;

/** The name of an access point as HAProxy's sections are named. */
export const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The own server is out at the first connection that it does not take, so that what waits for it goes to another node at
 * once. Its sessions are not cut then: one that is being replaced still answers what it has begun, and what was never
 * sent would be answered by nobody.
 */
const OWN_CHECK = line`inter 1s fastinter 500ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down`;

export function serversOf({ name, target, patience, http2 = false, others }: Behind): readonly Directive[] {
  if (others === undefined) {
    const check = patience === "check" ? line`check inter 1s fall 1` : [];
    return [http2 ? grpcServer(name, target) : localServer(target, ...check, ...line`tcp-ut 3s`)];
  }
  // A server that tracks another one cannot be marked down by its own traffic.
  const own = http2
    ? grpcServer(name, target, ...line`track ${grpcBackend(name)}/${target.service}`)
    : localServer(target, ...line`check port ${others.check.port}`, ...OWN_CHECK, ...line`tcp-ut 3s`);
  return [own, ...standbys(others, http2)];
}

/** The same service of other nodes, asked when the own one is down. */
function standbys({ peers, service, check, tracks }: OtherNodes, http2: boolean): readonly Directive[] {
  return peers.map((peer) =>
    meshServer(
      peer,
      service,
      ...(http2 ? line`alpn h2` : []),
      "backup",
      ...(tracks === undefined
        ? [...meshCheck(peer, check.service), ...STANDBY_CHECK]
        : line`track be_${snake(tracks)}/${peer.name}`),
    ),
  );
}

/**
 * How the own node's gRPC server is reached. HAProxy 3.4 speaks HTTP/2 to a server before the connection is there, so a refused
 * one is a response that never came: 502 at once, and no other try. A connection to a frontend of HAProxy's own always succeeds,
 * and behind it raw TCP is tried again, or elsewhere, as it should be.
 */
function grpcServer(name: AccessPointName, { service }: Endpoint, ...words: readonly (string | number)[]): Directive {
  return ["server", service, `abns@${snake(name)}`, ...line`proto h2`, ...words];
}
const grpcBackend = (name: AccessPointName): string => `be_${snake(name)}_own`;

export function grpcSections({ name, target, others }: AccessPoint): readonly Section[] {
  const backend = grpcBackend(name);
  const frontend: Section = {
    kind: "frontend",
    name: `fe_${snake(name)}_own`,
    from: "tcp_long",
    lines: [line`bind abns@${snake(name)}`, line`default_backend ${backend}`],
  };
  if (others === undefined) {
    const patient = [line`timeout connect 2s`, line`retries 12`, line`timeout queue 20s`];
    const server = localServer(target, ...line`tcp-ut 3s`);
    return [frontend, { kind: "backend", name: backend, from: "tcp_long", lines: [...patient, server] }];
  }
  const { path, body, status, port } = others.check;
  const lines = [
    line`option redispatch 1`,
    line`retries 3`,
    line`option allbackups`,
    ...healthRequest(path, body, status),
    localServer(target, ...line`check port ${port}`, ...OWN_CHECK, ...line`tcp-ut 3s`),
    ...standbys(others, true),
  ];
  return [frontend, { kind: "backend", name: backend, from: "tcp_long", lines }];
}
