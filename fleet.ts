import { defineFleet } from "./lib";

export default defineFleet({ nodes: [{ name: "node1", address: "127.0.0.1" }] });
