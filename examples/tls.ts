import { defineFleet } from "../lib";

/** TLS at every access point. The files stay on this machine until they are copied into the balancer's volume. */
export default defineFleet({
  nodes: [{ name: "node1", address: "10.0.0.11" }],
  haproxy: {
    stats: { user: "operator" },
    tls: { certificatePath: "certificates/fullchain.pem", keyPath: "certificates/key.pem" },
  },
});
