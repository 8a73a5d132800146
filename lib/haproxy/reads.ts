import type { Signal } from "../fleet/definition";
import type { MeshService } from "../mesh/services";
import type { Group, Member } from "../plan/groups";
import { type Endpoint, TAIL_PATH } from "../victoria/endpoints";
import { healthRequest, MESH_CHECK, MESH_CHECK_TIMEOUT } from "./checks";
import { checkedMembers, type MeshView } from "./mesh";
import { type Directive, line, type Section } from "./section";

/** One signal that is answered by exactly one group at a time. */
export interface StickyRead {
  readonly signal: Signal;
  /** Who answers a query on the own node, and the same on another one. */
  readonly local: Endpoint;
  readonly service: MeshService;
  readonly readCheck: { readonly path: string; readonly body?: string };
  readonly groups: readonly ReadGroup[];
  /** The retention: what is older is nowhere. */
  readonly keepsSeconds: number;
}

export interface ReadGroup {
  readonly group: Group;
  /** Nodes that hold the group's data; the select role of each answers for the whole group. */
  readonly members: readonly Member[];
}

/** Folder where the choice outlives HAProxy's container; it belongs to HAProxy's user. */
export const CHOICE_FOLDER = "/var/lib/haproxy";
/** A store that started less than this many seconds ago may have lost its last seconds: see `choice-lua.ts`. */
export const YOUNG_SECONDS = 15;

/** Below the stores' own query limit of 30 s: see `access.ts`. */
const TIMEOUTS = [line`timeout server 28s`, line`http-request set-timeout server 1h if { path ${TAIL_PATH} }`];

/**
 * A select role that cannot reach a storage answers 400, as it does to a wrong query; which one it is only its words tell,
 * and they may be compressed. So every 400 becomes a 503 on its way, which is tried again at the other group, and a 400
 * again when both groups said so. A wrong query is one that no storage is asked.
 */
const REFUSED = "x-mirador-refused";
const OFFER_AGAIN: readonly Directive[] = [
  line`http-response set-header ${REFUSED} 400 if { status 400 }`,
  line`http-response set-log-level silent if { status 400 }`,
  line`http-response set-status 503 if { status 400 }`,
];
const REFUSED_BY_ALL: readonly Directive[] = [
  line`http-response set-status 400 if { res.hdr(${REFUSED}) -m found }`,
  line`http-response set-log-level silent if { res.hdr(${REFUSED}) -m found }`,
  line`http-response del-header ${REFUSED}`,
];

export const answersBackend = (signal: Signal, group: Group): string => `be_${signal}_${group}`;
/** Traffic to the group named, and to the other one where that fails. */
export const trafficBackend = (signal: Signal, group: Group): string => `be_${signal}_from_${group}`;
/** In {@link CHOICE_FOLDER}: when the own node's data of a signal began, in seconds since 1970. Written by `jobs.ts`. */
export const bornFile = (signal: Signal): string => `${signal}.born`;

/** The words of an access point's frontend that send a request to the group in use. */
export function stickyRules({ signal, groups }: StickyRead): readonly Directive[] {
  const [first] = groups;
  return [
    line`use_backend be_${signal}_from_%[lua.mirador_choice(${signal})]`,
    line`default_backend ${trafficBackend(signal, first?.group ?? "a")}`,
  ];
}

/**
 * Reads of one signal: per group a backend that asks every select role of it a real query, and one that traffic goes to.
 * The latter knows the other group as its second server, so that a request which fails in the seconds before a check
 * notices is answered from there. What waits is cut off by the checks of the former, and so tried again; cut off by the
 * latter it would be lost.
 */
export function stickySections(view: MeshView, read: StickyRead): readonly Section[] {
  return read.groups.flatMap((group) => [...answers(view, read, group), door(read, group), traffic(read, group)]);
}

function answers(
  view: MeshView,
  { signal, local, service, readCheck }: StickyRead,
  { group, members }: ReadGroup,
): readonly Section[] {
  const check = { service, ...readCheck, pace: MESH_CHECK };
  const { request, servers, checks } = checkedMembers(view, members, local, check);
  const backend: Section = {
    kind: "backend",
    name: answersBackend(signal, group),
    from: "base",
    lines: [
      line`balance leastconn`,
      line`timeout connect 1s`,
      MESH_CHECK_TIMEOUT,
      ...TIMEOUTS,
      ...request,
      ...OFFER_AGAIN,
      ...servers,
    ],
  };
  return [backend, ...checks];
}

const doorName = (signal: Signal, group: Group): string => `abns@${signal}_${group}`;

/** A frontend of its own, so that one group can be a server of the backend that traffic goes to. */
function door({ signal }: StickyRead, { group }: ReadGroup): Section {
  const backend = answersBackend(signal, group);
  return {
    kind: "frontend",
    name: `fe_${signal}_${group}`,
    from: "base",
    lines: [
      line`bind ${doorName(signal, group)}`,
      line`monitor-uri /_group_up`,
      line`monitor fail if { nbsrv(${backend}) lt 1 }`,
      line`default_backend ${backend}`,
    ],
  };
}

function traffic({ signal, groups }: StickyRead, { group }: ReadGroup): Section {
  const ordered = [...groups].sort((one, other) => Number(other.group === group) - Number(one.group === group));
  return {
    kind: "backend",
    name: trafficBackend(signal, group),
    from: "base",
    lines: [
      // The first that is up, in the order written.
      line`balance first`,
      ...TIMEOUTS,
      // Once at each group.
      line`retries 1`,
      // 500 is HAProxy's own word to who was still connecting to a server that a check gave up.
      line`retry-on conn-failure empty-response 500 502 503`,
      ...REFUSED_BY_ALL,
      ...healthRequest("/_group_up"),
      ...ordered.map(
        (one, index) =>
          line`server ${one.group} ${doorName(signal, one.group)} id ${index + 1} check inter 1s fall 1 rise 1`,
      ),
    ],
  };
}
