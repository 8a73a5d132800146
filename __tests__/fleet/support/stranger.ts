import { copyFile, mkdir, mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { ensurePki } from "../../../inputs/pki";
import { makeCertificate } from "../../support/certificates";

/** PEM files that a client of the mesh shows. */
export interface ClientFiles {
  readonly cert: string;
  readonly key: string;
}

const ANSWER_MS = 10_000;

/** How a request to the mesh ends: the first line that was read, or the error; "" where it was closed without a word. */
export async function askMesh(
  { address, port }: { readonly address: string; readonly port: number },
  servername: string,
  files?: ClientFiles,
): Promise<string> {
  const material = files === undefined ? {} : { cert: await readFile(files.cert), key: await readFile(files.key) };
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, servername, rejectUnauthorized: false, ...material });
    let read = "";
    socket.on("secureConnect", () => socket.write("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    socket.on("data", (data) => {
      read += data.toString();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve(read.split("\r\n")[0] ?? ""));
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("silence")));
  });
}

/** A certificate of somebody's own making in the name of a node. */
export async function ownMaking(folder: string, node: string): Promise<ClientFiles> {
  const own = await mkdtemp(join(folder, "stranger-"));
  makeCertificate(own, `${node}.mesh`);
  return { cert: join(own, `${node}.mesh.pem`), key: join(own, `${node}.mesh.key`) };
}

/** A certificate that the fleet's own authority issued for something that is no node of it. */
export async function issuedForAnApplication(folder: string, certificates: string): Promise<ClientFiles> {
  const own = await mkdtemp(join(folder, "application-"));
  const pki = join(own, ".mirador", "pki", "applications");
  await mkdir(pki, { recursive: true, mode: 0o700 });
  for (const file of ["ca.crt", "ca.key"]) await copyFile(join(certificates, file), join(pki, file));
  await ensurePki(
    own,
    { name: "applications", nodes: [{ name: "billing", address: "10.77.0.99" }], mesh: {} },
    new Date(),
  );
  return { cert: join(pki, "billing.pem"), key: join(pki, "billing.pem") };
}

/** Every line of every private key in a folder: one of them is enough to know a leak by. */
export async function privateKeyLines(certificates: string): Promise<readonly string[]> {
  const texts = await Promise.all(
    (await readdir(certificates)).map((file) => readFile(join(certificates, file), "utf8")),
  );
  const keys = texts.flatMap((text) => [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\s([^-]+)-----END/g)]);
  return [...new Set(keys.flatMap(([, body = ""]) => body.split(/\s+/)))].filter((line) => line.length >= 24);
}
