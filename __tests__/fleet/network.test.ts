import { describe, test } from "vitest";
import { useFleet } from "./support/deployed";
import type { Host } from "./support/host";
import { context, faults, rig } from "./support/shared-rig";
import { HOLD_SECONDS, survive } from "./support/survive";

/** Of what a host sends and of what is sent to it. */
const LOST_PERCENT = 30;

describe(`hosts and cables of three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  test("a host hangs", async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: "hang of a host",
      struck: ["node2"],
      begin: () => faults.hang(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.resume(host),
    });
  });

  test(`a host loses ${LOST_PERCENT} % of its packets, both ways`, async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: `${LOST_PERCENT} % packet loss of a host`,
      struck: ["node2"],
      begin: () => faults.losePackets(host, LOST_PERCENT),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.loseNothing(host),
      eachGroup: true,
    });
  });

  test("a host hears the others, and they do not hear it", async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: "one-way cut, from a host",
      struck: ["node2"],
      begin: () => inTurn(othersThan(host), (other) => faults.cutOneWay(host, other)),
      holdSeconds: HOLD_SECONDS,
      end: () => inTurn(rig.hosts, (each) => faults.loseNothing(each)),
      eachGroup: true,
    });
  });

  // The same cut the other way round, so it is for the long run.
  test.runIf(context.full)("the others hear a host, and it does not hear them", async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: "one-way cut, to a host",
      struck: ["node2"],
      begin: () => inTurn(othersThan(host), (other) => faults.cutOneWay(other, host)),
      holdSeconds: HOLD_SECONDS,
      end: () => inTurn(rig.hosts, (each) => faults.loseNothing(each)),
      eachGroup: true,
    });
  });
});

function othersThan(host: Host): readonly Host[] {
  return rig.hosts.filter(({ name }) => name !== host.name);
}

/** In turn: two changes of one host's rules would wait for each other anyway. */
async function inTurn(hosts: readonly Host[], change: (host: Host) => Promise<void>): Promise<void> {
  for (const host of hosts) await change(host);
}
