import { type PerSignal, SIGNALS } from "../fleet/definition";
import { DOORS, type DoorKind, type DoorName, groupDoorPort } from "../mesh/doors";
import { MESH_INTERNAL_PORT, MESH_SERVICE_NAMES, MESH_SERVICES, type MeshService, serverName } from "../mesh/services";
import type { Group, Member } from "../plan/groups";
import type { ServiceName } from "../plan/services";
import { isAgent } from "../victoria/agents";
import { AGENT_INSERT, type Endpoint } from "../victoria/endpoints";
import { queueHasRoom } from "./agents-lua";
import { type Directive, line, type Section } from "./section";
import { localServer, MESH_CA, MESH_CERTIFICATE, type MeshPeer, meshCheck, meshServer } from "./server";

/** Where the data of one group and signal goes, and who there takes it. */
export interface GroupDoor {
  readonly group: Group;
  readonly members: readonly Member[];
  /** Takes OTLP over HTTP on the own node. */
  readonly local: Endpoint;
  /** The same on another node. */
  readonly service: MeshService;
}

/** The mesh as one node sees it. */
export interface MeshView {
  /** The own node's name. */
  readonly node: string;
  readonly members: readonly Member[];
  readonly port: number;
  /** Services that run on this node; only these are offered to others. */
  readonly running: readonly ServiceName[];
  /** Doors in use, and the nodes behind each kind. */
  readonly doors: { readonly [name in DoorName]?: readonly Member[] };
  readonly groupDoors: PerSignal<readonly GroupDoor[]>;
}

export function peerOf({ port }: Pick<MeshView, "port">, { name, address }: Member): MeshPeer {
  return { name, address, port };
}

/** How long an answer to a check may take. A hung server answers none, and two of them must fit the five seconds. */
export const MESH_CHECK_TIMEOUT = line`timeout check 1500ms`;
/**
 * A dead, hung or cut server is out within five seconds, mostly three, and what waits for it is cut off then. Two failed
 * checks and not one: on a busy host a single slow answer is no outage.
 */
export const MESH_CHECK = line`inter 1s fastinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions`;
/**
 * For services of other nodes that nobody waits for: those that stand by, and those whose data a queue keeps meanwhile. A
 * check of another node is a TLS handshake, which costs each of the two about a millisecond of processor time.
 */
export const STANDBY_CHECK = line`inter 3s fastinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions`;

/**
 * A service of a member, checked by itself: by its name on the own node, through the mesh on another one.
 * @param remote how often another node is asked
 */
export function memberServer(
  view: MeshView,
  member: Member,
  local: Endpoint,
  service: MeshService,
  remote: readonly (string | number)[] = MESH_CHECK,
): Directive {
  if (member.name === view.node) return localServer(local, "check", ...MESH_CHECK, ...line`tcp-ut 3s`);
  const peer = peerOf(view, member);
  return meshServer(peer, service, ...meshCheck(peer, service), ...remote);
}

/** Raw connections, between nodes and to the own gateway, live for hours; keepalive and the checks end dead ones. */
export const TCP_LONG: Section = {
  kind: "defaults",
  name: "tcp_long",
  lines: [
    line`mode tcp`,
    line`log global`,
    line`option tcplog`,
    line`option dontlognull`,
    line`option dontlog-normal`,
    line`option clitcpka`,
    line`option srvtcpka`,
    line`retries 1`,
    line`timeout connect 1s`,
    line`timeout client 1h`,
    line`timeout server 1h`,
    line`timeout tunnel 1h`,
    MESH_CHECK_TIMEOUT,
  ],
};

/** Everything of HAProxy that exists only on fleets of several nodes. */
export function meshSections(view: MeshView): readonly Section[] {
  return [
    ...receiverSections(view),
    ...Object.keys(DOORS).flatMap((name) => doorSections(view, name as DoorName)),
    ...SIGNALS.flatMap((signal) =>
      view.groupDoors[signal].flatMap((door) => groupDoorSections(view, door, groupDoorPort(signal, door.group))),
    ),
  ];
}

/** The only port that other nodes reach. A certificate of the fleet's CA is not enough: it must be a node's. */
function receiverSections({ node, members, running }: MeshView): readonly Section[] {
  const offered = MESH_SERVICE_NAMES.filter((name) => running.includes(MESH_SERVICES[name].service));
  const frontend: Section = {
    kind: "frontend",
    name: "fe_mesh",
    from: "tcp_long",
    lines: [
      line`bind :${MESH_INTERNAL_PORT} ssl crt ${MESH_CERTIFICATE} ca-file ${MESH_CA} verify required strict-sni alpn h2,http/1.1`,
      // Whoever opens connections and says nothing must not use up those of the access points.
      line`maxconn 1000`,
      line`timeout client-hs 5s`,
      // A line each: HAProxy takes 64 words a line.
      ...members.map(({ name }) => line`acl from_node ssl_c_s_dn(cn) -m str ${name}`),
      line`tcp-request content reject unless from_node`,
      ...offered.map(
        (name): Directive => [
          ...line`use_backend be_in_${name} if { ssl_fc_sni -i ${serverName(name, node)} }`,
          ...whileItTakes(MESH_SERVICES[name].service),
        ],
      ),
    ],
  };
  const backends = offered.map((name): Section => {
    const { service, port } = MESH_SERVICES[name];
    return {
      kind: "backend",
      name: `be_in_${name}`,
      from: "tcp_long",
      lines: [
        service === "haproxy"
          ? line`server haproxy 127.0.0.1:${port}`
          : localServer({ service, port }, ...line`tcp-ut 3s`),
      ],
    };
  });
  return [frontend, ...backends];
}

/** Another node's clients come here while its own agent is down; one whose queue is full would drop the oldest for them. */
function whileItTakes(service: ServiceName): readonly (string | number)[] {
  return isAgent(service) ? queueHasRoom(service) : [];
}

function doorSections(view: MeshView, name: DoorName): readonly Section[] {
  const { id, base, service, healthService, healthPath, standby, tracks }: DoorKind = DOORS[name];
  const health = MESH_SERVICES[healthService];
  return (view.doors[name] ?? []).flatMap((member): readonly Section[] => {
    const backend = `be_out_${id}_${member.name}`;
    const pace = standby ? STANDBY_CHECK : MESH_CHECK;
    const peer = peerOf(view, member);
    const check = (tracked: string, words: readonly (string | number)[]) =>
      tracks === undefined ? words : (["track", `be_out_${DOORS[tracks].id}_${member.name}/${tracked}`] as const);
    const server: Directive =
      member.name === view.node
        ? localServer(
            MESH_SERVICES[service],
            ...check(health.service, [...line`check port ${health.port}`, ...MESH_CHECK]),
            ...line`tcp-ut 3s`,
          )
        : meshServer(peer, service, ...check(peer.name, [...meshCheck(peer, healthService), ...pace]));
    return [
      {
        kind: "frontend",
        name: `fe_out_${id}_${member.name}`,
        from: "tcp_long",
        lines: [line`bind :${base + member.number}`, line`default_backend ${backend}`],
      },
      {
        kind: "backend",
        name: backend,
        from: "tcp_long",
        lines: [...healthRequest(healthPath), server],
      },
    ];
  });
}

const OF_AGENT = line`{ var(txn.agent) -m found }`;
/**
 * vlagent drops for good what is answered 400 or 404, and a storage of another version answers so to everything: here it
 * becomes an answer that is tried again. What a storage cannot read is still dropped, or it would hold up all the rest.
 */
const OTHER_VERSION: readonly Directive[] = [
  line`http-request set-var(txn.agent) bool(true) if { path ${AGENT_INSERT} }`,
  [...line`http-response wait-for-body time 1s if { status 400 }`, ...OF_AGENT],
  [...line`http-response set-status 503 if { status 404 }`, ...OF_AGENT],
  [
    ...line`http-response set-status 503 if { status 400 } { res.body -m sub ${"unsupported protocol version"} }`,
    ...OF_AGENT,
  ],
];

/**
 * Where gateways and agents leave a group's data. A request that no server took is tried again at once at another one; a server
 * that died in the middle of one is told to the gateway, which keeps the data and sends it again.
 */
function groupDoorSections(
  view: MeshView,
  { group, members, local, service }: GroupDoor,
  port: number,
): readonly Section[] {
  const name = `w_${service}_${group}`;
  const servers = members.map((member) => memberServer(view, member, local, service, STANDBY_CHECK));
  return [
    {
      kind: "frontend",
      name: `fe_${name}`,
      from: "base",
      lines: [line`bind :${port}`, line`default_backend be_${name}`],
    },
    {
      kind: "backend",
      name: `be_${name}`,
      from: "base",
      lines: [
        line`balance roundrobin`,
        line`retry-on conn-failure`,
        line`timeout connect 1s`,
        // Longer than the adapters' own patience of 20 s, so that who waits is who gives up.
        line`timeout server 35s`,
        ...healthRequest("/health"),
        ...(service === "vlstorage" ? OTHER_VERSION : []),
        ...servers,
      ],
    },
  ];
}

export function healthRequest(path: string, body?: string, status = 200): readonly Directive[] {
  return [
    line`option httpchk`,
    line`http-check send meth GET uri ${path}`,
    line`http-check expect status ${status}`,
    ...(body === undefined ? [] : [line`http-check expect string ${body}`]),
  ];
}
