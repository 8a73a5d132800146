import { PORTS } from "../plan/ports";
import { type MeshView, peerOf } from "./mesh";
import { line, type Section } from "./section";
import { meshServer } from "./server";

/** What a node tells the others of itself, at its internal port; see `choice-lua.ts`. */
export const STATE_PATH = "/state";
/** Where a node is told that another one will be away: `POST /leave?node=<name>&seconds=<number>`. */
export const LEAVE_PATH = "/leave";

/** Where HAProxy's own program asks for the state of another node; only from within the container. */
export function peerStateUrl(peer: string): string {
  return `http://127.0.0.1:${PORTS.haproxyPeers}/${peer}`;
}

/** HAProxy's program speaks plain HTTP only, so the mesh's certificates are shown by HAProxy itself. */
export function peerSections(view: MeshView): readonly Section[] {
  const peers = view.members.filter(({ name }) => name !== view.node);
  return [
    {
      kind: "frontend",
      name: "fe_peers",
      from: "base",
      lines: [
        line`bind 127.0.0.1:${PORTS.haproxyPeers}`,
        // A peer that is away would be a line a second.
        line`http-request set-log-level silent`,
        line`use_backend be_peer_%[path,field(2,/)]`,
      ],
    },
    ...peers.map(
      (member): Section => ({
        kind: "backend",
        name: `be_peer_${member.name}`,
        from: "base",
        lines: [
          line`timeout connect 1s`,
          line`timeout server 2s`,
          line`retries 0`,
          line`http-request set-path ${STATE_PATH}`,
          meshServer(peerOf(view, member), "node"),
        ],
      }),
    ),
  ];
}
