import { defineFleet } from "../lib";

/** Two nodes, each with an engine that is reached by ssh. */
export default defineFleet({
  nodes: [
    { name: "node1", address: "10.0.0.11", docker: { kind: "ssh", host: "10.0.0.11" } },
    { name: "node2", address: "10.0.0.12", docker: { kind: "ssh", host: "10.0.0.12" } },
  ],
});
