import { defineFleet } from "../lib";

/** One node whose metrics are in the single layout, for hosts that cannot have the metrics cluster's images. */
export default defineFleet({
  nodes: [{ name: "node1", address: "127.0.0.1" }],
  layouts: { metrics: "single" },
});
