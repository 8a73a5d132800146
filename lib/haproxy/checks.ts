import { isAtLeast } from "../images/version";
import { type MeshService, serverName } from "../mesh/services";
import { type Directive, line, type Section } from "./section";
import { type MeshPeer, meshServer } from "./server";

/** How long an answer to a check may take. A hung server answers none, and two of them must fit the five seconds. */
export const MESH_CHECK_TIMEOUT = line`timeout check 1500ms`;
/** What waits for a server is cut off when a check gives it up. */
const CUT_OFF = line`on-marked-down shutdown-sessions`;
/**
 * A dead, hung or cut server is out within five seconds, mostly three, and what waits for it is cut off then. Two failed
 * checks and not one: on a busy host a single slow answer is no outage.
 */
export const MESH_CHECK = [...line`inter 1s fastinter 500ms fall 2 rise 1`, ...CUT_OFF];
/** For services of other nodes that nobody waits for: those that stand by, and those whose data a queue keeps meanwhile. */
export const STANDBY_CHECK = [...line`inter 3s fastinter 500ms fall 2 rise 1`, ...CUT_OFF];

/** Each other node keeps about twelve connections: with thirty nodes a third of what `fe_mesh` takes, and 20 MiB of memory. */
const MOST_NODES_KEPT = 30;

/**
 * Whether the checks of other nodes keep their connections. A check on a new one is a TLS handshake, about a millisecond of
 * processor time on either side: most of what an idle HAProxy costs.
 */
export function keepsChecks(version: string, nodes: number): boolean {
  return isAtLeast(version, "3.4.0") && nodes <= MOST_NODES_KEPT;
}

/**
 * What a kept connection says it is for (ALPN), so that the other node answers it in HTTP mode. In TCP mode it would stay open
 * when that node's HAProxy is told to stop, and checks would call the node well for as long as that drains.
 */
export const CHECK_PROTOCOL = "mirador-check";

/** What an answer to a check must be. */
export interface HealthAnswer {
  /** @default - any */
  readonly body?: string | undefined;
  /** @default 200 */
  readonly status?: number | undefined;
}

/** How a service of another node is checked. */
export interface MeshCheck extends HealthAnswer {
  readonly service: MeshService;
  readonly path: string;
  readonly pace: typeof MESH_CHECK;
}

export function healthRequest(
  path: string,
  { body, status = 200 }: HealthAnswer = {},
  ...words: readonly (string | number)[]
): readonly Directive[] {
  return [
    line`option httpchk`,
    [...line`http-check send meth GET uri ${path}`, ...words],
    line`http-check expect status ${status}`,
    ...(body === undefined ? [] : [line`http-check expect string ${body}`]),
  ];
}

/** A service of another node, as a server whose state is that of the check. */
export function checkedServer(
  peer: MeshPeer,
  service: MeshService,
  check: MeshCheck,
  ...words: readonly (string | number)[]
): Directive {
  if (peer.keepsChecks)
    return meshServer(peer, service, ...words, "track", `${checkBackend(peer, check)}/${peer.name}`, ...CUT_OFF);
  // Checks do not use the traffic's server name.
  return meshServer(
    peer,
    service,
    ...words,
    ...line`check check-sni ${serverName(check.service, peer.name)}`,
    ...check.pace,
  );
}

/**
 * Where the check of {@link checkedServer} is made when its connection is kept: in a backend without traffic, so that neither
 * takes a connection of the other, and that is in HTTP mode, whatever the traffic is.
 */
export function keptChecks(peers: readonly MeshPeer[], check: MeshCheck): readonly Section[] {
  return peers
    .filter(({ keepsChecks }) => keepsChecks)
    .map((peer) => ({
      kind: "backend",
      name: checkBackend(peer, check),
      from: "base",
      lines: [
        line`timeout connect 1s`,
        MESH_CHECK_TIMEOUT,
        // Every check is the first request of a session, which the other modes give a new connection.
        line`http-reuse always`,
        // Unless it is told otherwise, a check asks for the end of its connection.
        ...healthRequest(check.path, check, ...line`ver HTTP/1.1 hdr Host mirador hdr Connection keep-alive`),
        meshServer(
          peer,
          check.service,
          ...line`alpn ${CHECK_PROTOCOL} check check-sni ${serverName(check.service, peer.name)} check-reuse-pool`,
          ...check.pace,
        ),
      ],
    }));
}

/** Two checks of one service differ in what they ask or in how often. */
function checkBackend({ name }: MeshPeer, { service, body, pace }: MeshCheck): string {
  return `be_check_${service}_${name}${body === undefined ? "" : "_query"}${pace === STANDBY_CHECK ? "_standby" : ""}`;
}
