import { defineFleet } from "../lib";

/** Most settings at something else than their default: retention, folders, ports, limits, batches, state in a database. */
export default defineFleet({
  name: "staging",
  nodes: [{ name: "node1", address: "10.0.0.11", docker: { kind: "unix", socket: "/run/docker.sock" } }],
  retention: { metrics: "1y", logs: "4w", traces: "3d" },
  storagePaths: { metrics: "/srv/mirador/metrics", logs: "/srv/mirador/logs" },
  ports: { otlpGrpc: 14317, otlpHttp: 14318, stats: 18404 },
  haproxy: { algorithm: "leastconn", checkIntervalSeconds: 2, drainSeconds: 60 },
  limits: { vmstorage: { memory: "2GiB", cpus: 1.5 }, gateway: { memory: "512MiB", cpus: 1 } },
  batch: { minSize: "2MiB", maxSize: "4MiB", flushMilliseconds: 200 },
  queue: { size: "256MiB", fsync: false },
  minFreeDisk: "2GiB",
  logLevel: "warn",
  anomaly: { metrics: ["http.server.active_requests", "system.cpu.utilization"] },
  // Several people can deploy. A fleet of several nodes then also needs its certificates in a shared place: mesh.certificates.
  backend: { type: "pg", config: { schema_name: "mirador_{node}" } },
});
