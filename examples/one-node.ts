import { defineFleet } from "../lib";

/** One node with everything at its default. */
export default defineFleet({ nodes: [{ name: "node1", address: "127.0.0.1" }] });
