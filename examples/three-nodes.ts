import { defineFleet } from "../lib";

/** Three nodes: node1 and node3 are storage group a, node2 is group b. */
export default defineFleet({
  nodes: ["10.0.0.11", "10.0.0.12", "10.0.0.13"].map((address, index) => ({
    name: `node${index + 1}`,
    address,
    docker: { kind: "ssh", host: address },
  })),
});
