import { describe, expect, test } from "vitest";
import { listenAsSeen, parseLook } from "../../../cli/up/host-look";

/** What a kernel prints, cut to what counts. */
const PRINTED = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/24 2 0 2
        +-- 10.0.0.0/28 2 0 2
           |-- 10.0.0.0
              /24 link UNICAST
           |-- 10.0.0.11
              /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
@tcp   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
@tcp    0: 0B00000A:10DE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
@tcp    1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
@tcp    2: 0B00000A:C350 0C00000A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3 1
@tcp    0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1
@tcp    1: 0000000000000000FFFF00000B00000A:1CD3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1
@mark 0 format metrics-cluster
@mark 0 group a
@mark 0 members node1 node3
@mark 1 group b
`;
const look = parseLook(PRINTED, ["metrics-data", "/srv/logs"]);

test("sees the host's own addresses, and no network or broadcast", () => {
  expect(look.addresses).toEqual(["10.0.0.11", "127.0.0.1"]);
});

test("sees who listens, and not who is connected", () => {
  expect(look.listening).toEqual([
    { address: "10.0.0.11", port: 4318 },
    { address: "127.0.0.1", port: 8080 },
    { address: "0.0.0.0", port: 22 },
    { address: "10.0.0.11", port: 7379 },
  ]);
});

test("reads the marks of each volume under the name of its source", () => {
  expect(look.marks).toEqual({
    "metrics-data": { format: "metrics-cluster", group: "a", members: ["node1", "node3"] },
    "/srv/logs": { group: "b" },
  });
});

describe("a port, as seen there", () => {
  test.each([
    ["is taken by who listens on the address", "10.0.0.11", 4318, "EADDRINUSE"],
    ["is taken by who listens on all", "10.0.0.11", 22, "EADDRINUSE"],
    ["is free when another address is listened on", "10.0.0.11", 8080, undefined],
    ["is taken on all addresses by who listens on one", "0.0.0.0", 8080, "EADDRINUSE"],
    ["is free when nobody listens", "10.0.0.11", 4317, undefined],
    ["is nobody's on an address of another host", "10.0.0.12", 4317, "EADDRNOTAVAIL"],
  ])("%s", async (_, address, port, code) => {
    expect(await listenAsSeen(look)(address, port)).toBe(code);
  });

  test("is judged without addresses when the kernel does not tell them", async () => {
    expect(await listenAsSeen({ ...look, addresses: [] })("10.0.0.12", 4317)).toBeUndefined();
  });
});
