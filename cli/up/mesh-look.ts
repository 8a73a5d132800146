import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import type { MeshFiles } from "../../lib/mesh/files";
import { serverName } from "../../lib/mesh/services";
import type { Trouble } from "../failure";
import type { MeshNode } from "../mesh-client";
import { type Findings, NOTHING_FOUND } from "./findings";

const ANSWER_MILLISECONDS = 3_000;

/** What stands behind a mesh port. */
export type MeshAnswer =
  /** Nobody, or somebody who says nothing. */
  | { readonly kind: "silent" }
  | { readonly kind: "node" }
  | { readonly kind: "plain-text" }
  | { readonly kind: "stranger"; readonly reason: string };

/** Shakes hands as a node of the fleet would. */
export function lookAtMesh(node: MeshNode, port: number, files: MeshFiles): Promise<MeshAnswer> {
  const pem = files.certificates[node.name];
  const cert = pem === undefined ? undefined : readFileSync(pem.path);
  return new Promise((resolve) => {
    const socket = connect({
      ...{ host: node.address, port, servername: serverName("node", node.name), ca: readFileSync(files.caPath) },
      ...(cert === undefined ? {} : { cert, key: cert }),
      timeout: ANSWER_MILLISECONDS,
    });
    const end = (answer: MeshAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("secureConnect", () => end({ kind: "node" }));
    socket.once("timeout", () => end({ kind: "silent" }));
    socket.once("error", (error) => end(answerOf(error)));
  });
}

/** An alert is TLS as well: whoever sends one is no plain text. */
function answerOf({ code = "", message }: NodeJS.ErrnoException): MeshAnswer {
  if (/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/.test(code)) return { kind: "stranger", reason: message };
  const words = /wrong version number|packet length too long|http request|unknown protocol|unexpected message|record/i;
  return words.test(message) && !/alert/i.test(message) ? { kind: "plain-text" } : { kind: "silent" };
}

export function meshFindings({ name, address }: MeshNode, port: number, answer: MeshAnswer): Findings {
  const where = `${address}:${port}`;
  switch (answer.kind) {
    case "plain-text":
      return { ...NOTHING_FOUND, errors: [plainText(name, where)] };
    case "stranger":
      return { ...NOTHING_FOUND, warnings: [stranger(name, where, answer.reason)] };
    default:
      return NOTHING_FOUND;
  }
}

function plainText(name: string, where: string): Trouble {
  return {
    code: "mesh/peer-plain-text",
    what: `what answers at the mesh port of ${name} speaks plain text, no TLS: it is no node of this fleet`,
    where,
    fix: "stop what listens there, or give the mesh another port (fleet.mesh.port); nodes never talk without TLS",
  };
}

function stranger(name: string, where: string, reason: string): Trouble {
  return {
    code: "mesh/peer-other-authority",
    what: `what answers at the mesh port of ${name} shows a certificate that this folder's authority did not issue to it: ${reason}`,
    where,
    fix: "deploy from the checkout that has the fleet's .mirador/pki; if that is lost, the nodes find each other again when all are deployed from here",
  };
}
