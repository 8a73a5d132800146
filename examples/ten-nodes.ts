import { defineFleet } from "../lib";

/** Ten nodes whose state lives in a database, so that several people can deploy. */
export default defineFleet({
  name: "production",
  nodes: Array.from({ length: 10 }, (_, index) => ({
    name: `node${index + 1}`,
    address: `10.0.0.${11 + index}`,
    docker: { kind: "ssh", host: `10.0.0.${11 + index}`, user: "deploy" },
  })),
  backend: { type: "pg", config: { schema_name: "mirador_{node}" } },
});
