import { type PerSignal, SIGNALS } from "../fleet/definition";
import { DOORS, type DoorKind, type DoorName, groupDoorPort } from "../mesh/doors";
import { MESH_INTERNAL_PORT, MESH_SERVICE_NAMES, MESH_SERVICES, type MeshService, serverName } from "../mesh/services";
import type { Group, Member } from "../plan/groups";
import type { ServiceName } from "../plan/services";
import { isAgent } from "../victoria/agents";
import { AGENT_INSERT, type Endpoint } from "../victoria/endpoints";
import { queueHasRoom } from "./agents-lua";
import {
  CHECK_PROTOCOL,
  checkedServer,
  healthRequest,
  keptChecks,
  MESH_CHECK,
  MESH_CHECK_TIMEOUT,
  type MeshCheck,
  STANDBY_CHECK,
} from "./checks";
import { type Directive, line, type Section } from "./section";
import { localServer, MESH_CA, MESH_CERTIFICATE, type MeshPeer, meshServer } from "./server";

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
  /** Of the own HAProxy; other nodes may have another one. */
  readonly version: string;
  /** @see MeshPeer.keepsChecks */
  readonly keepsChecks: boolean;
}

export function peerOf(view: Pick<MeshView, "port" | "keepsChecks">, { name, address }: Member): MeshPeer {
  return { name, address, port: view.port, keepsChecks: view.keepsChecks };
}

/** What a backend holds of members that each are asked themselves whether they are well. */
export interface CheckedMembers {
  /** The request, where one of the servers is asked by the backend itself. */
  readonly request: readonly Directive[];
  readonly servers: readonly Directive[];
  /** Backends that ask the others. */
  readonly checks: readonly Section[];
}

/** A service of some members: by its name on the own node, through the mesh on another one. */
export function checkedMembers(
  view: MeshView,
  members: readonly Member[],
  local: Endpoint,
  check: MeshCheck,
): CheckedMembers {
  const others = members.filter(({ name }) => name !== view.node);
  const asks = !view.keepsChecks || others.length < members.length;
  return {
    request: asks ? healthRequest(check.path, check) : [],
    servers: members.map((member) =>
      member.name === view.node
        ? localServer(local, "check", ...MESH_CHECK, ...line`tcp-ut 3s`)
        : checkedServer(peerOf(view, member), check.service, check),
    ),
    checks: keptChecks(
      others.map((member) => peerOf(view, member)),
      check,
    ),
  };
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

/** What speaks no HTTP/1; its program is asked at another port. HAProxy itself is asked by its program alone. */
const NEVER_CHECKED: readonly MeshService[] = [
  "node",
  "otlp-grpc",
  "servicegraph",
  "vmstorage-insert",
  "vmstorage-select",
];

/** The only port that other nodes reach. A certificate of the fleet's CA is not enough: it must be a node's. */
function receiverSections({ node, members, running }: MeshView): readonly Section[] {
  const offered = MESH_SERVICE_NAMES.filter((name) => running.includes(MESH_SERVICES[name].service));
  const checked = offered.filter((name) => !NEVER_CHECKED.includes(name));
  const forward = (name: MeshService, words: Directive): Directive => [
    "use_backend",
    ...words,
    ...line`{ ssl_fc_sni -i ${serverName(name, node)} }`,
    ...whileItTakes(MESH_SERVICES[name].service),
  ];
  const frontend: Section = {
    kind: "frontend",
    name: "fe_mesh",
    from: "tcp_long",
    lines: [
      line`bind :${MESH_INTERNAL_PORT} ssl crt ${MESH_CERTIFICATE} ca-file ${MESH_CA} verify required strict-sni alpn h2,http/1.1,${CHECK_PROTOCOL}`,
      // Whoever opens connections and says nothing must not use up those of the access points.
      line`maxconn 1000`,
      line`timeout client-hs 5s`,
      // A line each: HAProxy takes 64 words a line.
      ...members.map(({ name }) => line`acl from_node ssl_c_s_dn(cn) -m str ${name}`),
      line`tcp-request content reject unless from_node`,
      ...checked.map((name) => forward(name, line`be_in_check_${name} if { ssl_fc_alpn ${CHECK_PROTOCOL} }`)),
      ...offered.map((name) => forward(name, line`be_in_${name} if`)),
    ],
  };
  const serverOf = (name: MeshService): Directive => {
    const { service, port } = MESH_SERVICES[name];
    return service === "haproxy"
      ? line`server haproxy 127.0.0.1:${port}`
      : localServer({ service, port }, ...line`tcp-ut 3s`);
  };
  return [
    frontend,
    ...offered.map(
      (name): Section => ({ kind: "backend", name: `be_in_${name}`, from: "tcp_long", lines: [serverOf(name)] }),
    ),
    ...checked.map(
      (name): Section => ({
        kind: "backend",
        name: `be_in_check_${name}`,
        from: "base",
        // Whoever checks is to hear at once that nobody listens.
        lines: [line`retries 0`, line`timeout connect 1s`, serverOf(name)],
      }),
    ),
  ];
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
    const own = member.name === view.node;
    const pace = standby ? STANDBY_CHECK : MESH_CHECK;
    const peer = peerOf(view, member);
    const check: MeshCheck = { service: healthService, path: healthPath, pace };
    const tracked = (server: string) =>
      tracks && (["track", `be_out_${DOORS[tracks].id}_${member.name}/${server}`] as const);
    const ownWords = tracked(health.service) ?? [...line`check port ${health.port}`, ...MESH_CHECK];
    const otherWords = tracked(peer.name);
    const server: Directive = own
      ? localServer(MESH_SERVICES[service], ...ownWords, ...line`tcp-ut 3s`)
      : otherWords === undefined
        ? checkedServer(peer, service, check)
        : meshServer(peer, service, ...otherWords);
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
        lines: [...(own || !view.keepsChecks ? healthRequest(healthPath) : []), server],
      },
      ...(own || tracks !== undefined ? [] : keptChecks([peer], check)),
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
  const check = { service, path: "/health", pace: STANDBY_CHECK };
  const { request, servers, checks } = checkedMembers(view, members, local, check);
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
        ...request,
        ...(service === "vlstorage" ? OTHER_VERSION : []),
        ...servers,
      ],
    },
    ...checks,
  ];
}
