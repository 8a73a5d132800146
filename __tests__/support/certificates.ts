import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Validity {
  /** `YYYYMMDDHHMMSSZ` */
  readonly from: string;
  readonly until: string;
}
export const VALID: Validity = { from: "20200101000000Z", until: "20991231235959Z" };
export const EXPIRED: Validity = { from: "20200101000000Z", until: "20200201000000Z" };
export const NOT_YET_VALID: Validity = { from: "20980101000000Z", until: "20991231235959Z" };

/** Writes `NAME.pem` and `NAME.key` into the folder: a certificate for itself, with the dates that are wanted. */
export function makeCertificate(folder: string, name: string, { from, until }: Validity = VALID): void {
  const work = join(folder, `.${name}`);
  mkdirSync(work);
  const config = join(work, "openssl.cnf");
  writeFileSync(join(work, "index.txt"), "");
  writeFileSync(
    config,
    `[ca]\ndefault_ca = own\n[own]\nnew_certs_dir = ${work}\ndatabase = ${work}/index.txt\nrand_serial = yes\n` +
      "default_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n" +
      "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = mirador.test\n",
  );
  const [pem, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const request = join(work, "request.pem");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
  openssl("req", "-new", "-config", config, ...newKey, "-out", request);
  const dates = ["-startdate", from, "-enddate", until];
  openssl(
    "ca",
    "-batch",
    "-config",
    config,
    "-selfsign",
    "-notext",
    "-keyfile",
    key,
    ...dates,
    "-in",
    request,
    "-out",
    pem,
  );
}

export function openssl(...parameters: string[]): void {
  execFileSync("openssl", parameters, { stdio: ["ignore", "ignore", "pipe"] });
}
