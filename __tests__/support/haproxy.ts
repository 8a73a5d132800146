import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HaproxyPlan } from "../../lib";
import { program } from "./binaries";
import { makeCertificate } from "./certificates";
import { temporaryFolder } from "./folders";
import { freePort, start, untilAnswers } from "./processes";

const FOLDER = "/usr/local/etc/haproxy";

/** What a node's HAProxy reads but for certificates. */
export interface HaproxyTexts {
  /** Of `haproxy.cfg`. */
  readonly text: string;
  /** Programs and the landing page, by the name of the file. */
  readonly others: Readonly<Record<string, string>>;
}

export function textsOf({ files }: HaproxyPlan): HaproxyTexts {
  const texts = files.flatMap((file) => ("text" in file ? [[file.path, file.text] as const] : []));
  const { "haproxy.cfg": text = "", ...others } = Object.fromEntries(texts);
  return { text, others };
}

/** A folder with the configuration and, beside it, everything that it names, under the names that HAProxy looks for. */
export function placed(text: string, others: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  makeCertificate(folder, "mesh");
  writeFileSync(join(folder, "mesh-ca.crt"), readFileSync(join(folder, "mesh.pem")));
  writeFileSync(join(folder, "mesh.pem.key"), readFileSync(join(folder, "mesh.key")));
  for (const [file, content] of Object.entries(others)) writeFileSync(join(folder, file), content);
  makeCertificate(folder, "tls");
  writeFileSync(join(folder, "tls.pem.key"), readFileSync(join(folder, "tls.key")));
  const file = join(folder, "haproxy.cfg");
  writeFileSync(file, text.replaceAll(FOLDER, folder).replaceAll("/run/haproxy", folder));
  return file;
}

/**
 * A node's HAProxy alone, on free ports of this machine.
 * @param behind port of what stands in for every service
 * @returns where one of its ports inside its container is now
 */
export async function startHaproxy(
  { text, others }: HaproxyTexts,
  behind: number,
): Promise<(internalPort: number) => string> {
  const ports = new Map<string, number>();
  for (const [, port = ""] of text.matchAll(/bind :(\d+)/g)) ports.set(port, await freePort());
  const local = text
    .replaceAll(/bind :(\d+)/g, (_, port: string) => `bind 127.0.0.1:${ports.get(port)}`)
    // Such a name is the whole machine's.
    .replaceAll("abns@", `abns@${ports.get("8405")}-`)
    .replaceAll(/dst_port (\d+)/g, (_, port: string) => `dst_port ${ports.get(port)}`)
    .replaceAll(/(server \S+) \S+ (.*)resolvers docker init-addr none/g, `$1 127.0.0.1:${behind} $2`)
    .replace("inter 1s", "inter 100ms");
  const at = (port: number): string => `http://127.0.0.1:${ports.get(String(port))}`;
  await untilAnswers(`${at(8405)}/healthz`, start(program("haproxy"), "-db", "-f", placed(local, others)));
  return at;
}
