import { defineFleet } from "../lib";

/** The three ways to a Docker engine on another machine. */
export default defineFleet({
  nodes: [
    {
      name: "by-ssh",
      address: "10.0.0.11",
      docker: { kind: "ssh", host: "10.0.0.11", user: "deploy", port: 2222, identityFile: "/etc/mirador/id_ed25519" },
    },
    {
      name: "by-tcp",
      address: "10.0.0.12",
      docker: { kind: "tcp", host: "docker.example.org", certificatePath: "/etc/mirador/docker" },
    },
    { name: "by-context", address: "10.0.0.13", docker: { kind: "context", name: "staging" } },
  ],
});
