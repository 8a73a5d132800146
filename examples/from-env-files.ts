import { fromEnvFiles } from "../inputs/env-files";

/** Three nodes of a compose stack, from the `.env` file of each. Their engines are asked by ssh, as user `deploy`. */
export default fromEnvFiles(
  ["examples/env-files/.env.node1", "examples/env-files/.env.node2", "examples/env-files/.env.node3"],
  { docker: ({ address }) => ({ kind: "ssh", host: address, user: "deploy" }) },
);
