import { defineFleet } from "../lib";

/** One small node: every store in the single layout, half the processes of the cluster. */
export default defineFleet({
  nodes: [{ name: "node1", address: "127.0.0.1" }],
  layouts: { metrics: "single", logs: "single", traces: "single" },
});
