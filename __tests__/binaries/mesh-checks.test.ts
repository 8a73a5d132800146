import { expect } from "vitest";
import { testWith } from "../support/binaries";
import { twoNodes } from "../support/two-nodes";

testWith("haproxy")("checks of the other node keep their connections, and still see it stop at once", async () => {
  const { nodes } = await twoNodes();
  const [one, two] = nodes;
  const metric = async (scope: string, line: RegExp): Promise<string | undefined> =>
    line.exec((await one.at(8404, `/metrics?scope=${scope}`)).body)?.[1];
  const begun = async (): Promise<number> =>
    Number(await metric("global", /^haproxy_process_ssl_connections_total (\d+)$/m));
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const before = await begun();
  expect(before).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  // About eighty where each is a handshake. One that is late on a busy machine begins anew.
  expect((await begun()) - before).toBeLessThan(10);

  const up = /^haproxy_server_status\{proxy="be_logs_b",server="node2",state="UP"\} (\d)$/m;
  expect(await metric("server", up)).toBe("1");
  two.stop();
  await expect.poll(() => metric("server", up), { timeout: 6_000, interval: 100 }).toBe("0");
});
