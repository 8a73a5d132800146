import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { demoUp } from "../../cli/demo-up";
import { ENV_FILE } from "../../cli/env-file";
import { Progress } from "../../cli/progress";
import { ROOT, temporaryFolder } from "../support/folders";

let engine: Server;
afterEach(() => engine.close());

/** An engine that has every image, and no luck. */
async function startEngine(socket: string): Promise<void> {
  engine = createServer(({ url = "" }, response) => {
    const answers = /^\/(version|images\/)/.test(url);
    response.setHeader("content-type", "application/json");
    response.statusCode = answers ? 200 : 500;
    response.end(JSON.stringify(answers ? { Version: "20.10.24" } : { message: "no luck" }));
  });
  await new Promise<void>((done) => engine.listen(socket, done));
}

/** Terraform with a provider. */
const TERRAFORM = `#!/bin/sh
echo '{ "terraform_version": "1.11.4" }'
`;

test("fails without remembering a choice that could not be deployed", async () => {
  const folder = temporaryFolder();
  const socket = join(folder, "docker.sock");
  await startEngine(socket);
  for (const shared of ["main.ts", "node_modules"]) symlinkSync(join(ROOT, shared), join(folder, shared));
  const node = { name: "node1", address: "127.0.0.1", docker: { kind: "unix", socket } };
  writeFileSync(join(folder, "other.mjs"), `export default ${JSON.stringify({ nodes: [node] })};`);
  const terraform = join(folder, "terraform");
  writeFileSync(terraform, TERRAFORM, { mode: 0o700 });
  let told = "";
  const out = { write: (text: string) => (told += text) };
  const { PATH, HOME } = process.env;

  const run = demoUp({
    folder,
    environment: { PATH, HOME, MIRADOR_FLEET: "other.mjs", TERRAFORM_BINARY_NAME: terraform },
    progress: new Progress({ out, environment: {} }),
    interrupt: new AbortController().signal,
  });

  await expect(run).rejects.toThrow("no luck");
  expect(told).toMatch(/^provider +found in Terraform's registry/m);
  expect(existsSync(join(folder, ENV_FILE))).toBe(false);
});
