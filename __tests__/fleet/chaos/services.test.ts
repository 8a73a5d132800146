import { describe, test } from "vitest";
import { SERVICE_NAMES } from "../../../lib/plan/services";
import { useFleet } from "../support/deployed";
import { STORES } from "../support/groups";
import { context, faults } from "../support/shared-rig";
import { HOLD_SECONDS, survive } from "../support/survive";

describe(`services of three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  test.for(SERVICE_NAMES)("kill -9 of %s on one node", async (service, { skip }) => {
    if (!(await stack.services("node1")).includes(service)) skip(`node1 has no ${service}`);
    await survive(stack, { name: `kill ${service}`, begin: () => faults.kill(stack.container("node1", service)) });
  });

  test.for(STORES)("%s hangs", async (service, { skip }) => {
    if (!(await stack.services("node1")).includes(service)) skip(`node1 has no ${service}`);
    const host = stack.host("node1");
    const container = stack.container("node1", service);
    await survive(stack, {
      name: `${service} hangs`,
      begin: () => faults.freeze(host, container),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.thaw(host, container),
    });
  });
});
