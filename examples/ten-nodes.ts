import { defineFleet } from "../lib";

/** Ten nodes: the odd ones are storage group a, the even ones group b. */
export default defineFleet({
  name: "production",
  nodes: Array.from({ length: 10 }, (_, index) => ({
    name: `node${index + 1}`,
    address: `10.0.0.${11 + index}`,
    docker: { kind: "ssh", host: `10.0.0.${11 + index}`, user: "deploy" },
  })),
});
