import { type MeshService, serverName } from "../mesh/services";
import type { Endpoint } from "../victoria/endpoints";
import { type Directive, line } from "./section";

/** Another node, as a balancer reaches it. */
export interface MeshPeer {
  readonly name: string;
  readonly address: string;
  /** The fleet's mesh port. */
  readonly port: number;
  /** Checks of it keep their connections, see `checks.ts`. */
  readonly keepsChecks: boolean;
}

/** What the balancers of two nodes show each other. */
export const MESH_CERTIFICATE = "/usr/local/etc/haproxy/mesh.pem";
export const MESH_CA = "/usr/local/etc/haproxy/mesh-ca.crt";

/** How a server's name is followed: by Docker's DNS, without waiting for it at the start. */
const RESOLVED = line`resolvers docker init-addr none`;

/** A service of the own node, by its name in the private network. */
export function localServer({ service, port }: Endpoint, ...words: readonly (string | number)[]): Directive {
  return ["server", service, `${service}:${port}`, ...words, ...RESOLVED];
}

/**
 * A service of another node, through the mesh. The server name picks the service there; the certificate that answers
 * must carry that name, so that a node cannot stand for another one.
 */
export function meshServer(peer: MeshPeer, service: MeshService, ...words: readonly (string | number)[]): Directive {
  return [
    "server",
    peer.name,
    `${peer.address}:${peer.port}`,
    ...line`ssl crt ${MESH_CERTIFICATE} ca-file ${MESH_CA} verify required sni str(${serverName(service, peer.name)})`,
    ...words,
    // A TLS session that a check began would be resumed for traffic, and the other side goes by the name of the session: a
    // request then reaches the service that the check is for. Connections are kept, so a full handshake is rare.
    ...line`no-ssl-reuse`,
    // The kernel gives up on a peer that acknowledges nothing; a cut host would otherwise hold requests for minutes.
    ...line`tcp-ut 3s`,
  ];
}
