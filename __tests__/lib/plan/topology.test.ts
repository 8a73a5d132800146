import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, type NodePlan, planFleet, servicesOf } from "../../../lib";
import { nodes, planOf, secretsFor } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";

const planned = new Map<number, readonly NodePlan[]>();
/** Plans of fleets without a definition of their own are made once: that of 100 nodes takes seconds. */
function plansOf(count: number, definition?: FleetDefinition): readonly NodePlan[] {
  const plans = planned.get(count);
  if (definition === undefined && plans !== undefined) return plans;
  const made = planOf(defineFleet({ nodes: nodes(count), ...definition })).nodes;
  if (definition === undefined) planned.set(count, made);
  return made;
}
const SINGLE: FleetDefinition = { layouts: { metrics: "single", logs: "single", traces: "single" } };

/** The values of a flag over the nodes of a fleet. */
const flag = (plans: readonly NodePlan[], service: string, name: string): readonly (string | undefined)[] =>
  plans.map((plan) =>
    servicesOf(plan)
      .find((each) => each.service === service)
      ?.command.find((word) => word.startsWith(`-${name}=`))
      ?.slice(name.length + 2),
  );
const configOf = ({ haproxy }: NodePlan): string => {
  const [file] = haproxy.files;
  if (file === undefined || !("text" in file)) throw new Error("no haproxy.cfg");
  return file.text;
};
const frontend = (plan: NodePlan, name: string): string =>
  configOf(plan).split(`\nfrontend fe_${name} `)[1]?.split("\n\n")[0] ?? "";
const backend = (plan: NodePlan, name: string): readonly string[] =>
  (configOf(plan).split(`\nbackend ${name} `)[1] ?? "")
    .split("\n\n")[0]
    ?.split("\n")
    .map((text) => text.trim()) ?? [];
const serversOf = (plan: NodePlan, name: string): readonly string[] =>
  backend(plan, name)
    .filter((text) => text.startsWith("server "))
    .map((text) => text.split(" ").slice(1, 3).join(" "));

describe("one node", () => {
  test("has no mesh, no doors, no program, no certificate", () => {
    const [plan] = plansOf(1);
    if (plan === undefined) throw new Error("no plan");
    expect(configOf(plan)).not.toMatch(/mesh|lua|fe_out|fe_w_/);
    expect(plan.haproxy.files.map(({ path }) => path)).toEqual(["haproxy.cfg", "landing.html"]);
    expect(plan.haproxy.service.publish).toHaveLength(10);
  });
});

describe("storage addresses", () => {
  test("are the same texts on every node of a group: vminsert shards by the text", () => {
    const plans = plansOf(5);
    expect(flag(plans, "vminsert", "storageNode")).toEqual([
      "haproxy:21001,haproxy:21003,haproxy:21005",
      "haproxy:21002,haproxy:21004",
      "haproxy:21001,haproxy:21003,haproxy:21005",
      "haproxy:21002,haproxy:21004",
      "haproxy:21001,haproxy:21003,haproxy:21005",
    ]);
  });

  test("vmselect asks every storage of both groups, and is told that each group holds everything", () => {
    const plans = plansOf(3);
    expect(new Set(flag(plans, "vmselect", "storageNode"))).toEqual(
      new Set(["a/haproxy:21101,b/haproxy:21102,a/haproxy:21103"]),
    );
    expect(new Set(flag(plans, "vmselect", "globalReplicationFactor"))).toEqual(new Set(["2"]));
    expect(flag(plansOf(1), "vmselect", "globalReplicationFactor")).toEqual([undefined]);
  });

  test("vlselect and vtselect see exactly their own group", () => {
    const plans = plansOf(4);
    expect(flag(plans, "vlselect", "storageNode")).toEqual([
      "haproxy:21201,haproxy:21203",
      "haproxy:21202,haproxy:21204",
      "haproxy:21201,haproxy:21203",
      "haproxy:21202,haproxy:21204",
    ]);
    expect(flag(plans, "vtselect", "storageNode")[3]).toBe("haproxy:21302,haproxy:21304");
  });

  test("a fourth node joins group b and leaves every address of group a as it was", () => {
    const [before, after] = [plansOf(3), plansOf(4)];
    for (const service of ["vminsert", "vlinsert", "vlselect", "vtinsert", "vtselect"]) {
      const [one, two, three] = flag(after, service, "storageNode");
      const [oneBefore, twoBefore, threeBefore] = flag(before, service, "storageNode");
      expect([one, three], service).toEqual([oneBefore, threeBefore]);
      // Its own storage keeps its address, so what is there stays in sight.
      expect(two?.split(",")[0], service).toBe(twoBefore);
    }
  });

  test.each([2, 3, 5, 10, 100])(
    "of %i nodes: no door is used twice, and every address has a door on every node",
    (count) => {
      for (const plan of plansOf(count).slice(0, 3)) {
        const bound = [...configOf(plan).matchAll(/bind :(\d+)/g)].map(([, port]) => port);
        expect(new Set(bound).size).toBe(bound.length);
        const asked = servicesOf(plan)
          .flatMap(({ command, environment }) => [...command, ...Object.values(environment)])
          .flatMap((text) => [...text.matchAll(/haproxy:(\d+)/g)].map(([, port]) => port));
        expect(asked.length).toBeGreaterThan(0);
        for (const port of asked) expect(bound).toContain(port);
      }
    },
  );
});

describe("writing", () => {
  test("each gateway writes each signal once to each group, through queues of their own", () => {
    for (const plan of plansOf(3)) {
      const gateway = plan.otel.configs.gateway ?? "";
      for (const [kind, signal] of [
        ["vt", "traces"],
        ["vm", "metrics"],
        ["vl", "logs"],
      ])
        expect(gateway).toMatch(
          new RegExp(
            `${signal}/store:[^/]*receivers:[^/]*exporters:\\s+- otlp_http/store_${kind}_a\\s+- otlp_http/store_${kind}_b\\n`,
          ),
        );
    }
  });

  test("a group's data goes to every storage of it, and to no storage of the other group", () => {
    const [one, two] = plansOf(3);
    if (one === undefined || two === undefined) throw new Error("no plan");
    expect(serversOf(one, "be_w_vlstorage_a")).toEqual(["vlstorage vlstorage:9491", "node3 10.0.0.13:7443"]);
    expect(serversOf(one, "be_w_vlstorage_b")).toEqual(["node2 10.0.0.12:7443"]);
    expect(serversOf(two, "be_w_vtstorage_b")).toEqual(["vtstorage vtstorage:10491"]);
    expect(serversOf(two, "be_w_vminsert_a")).toEqual(["node1 10.0.0.11:7443", "node3 10.0.0.13:7443"]);
  });

  test("every node sends the spans of a trace to the same service graph: same texts, same order", () => {
    const hosts = plansOf(3).map(({ otel }) => /hostnames:\n((?: +- .*\n)+)/.exec(otel.configs.gateway ?? "")?.[1]);
    expect(new Set(hosts).size).toBe(1);
    expect(hosts[0]?.trim().split(/\s*- /).filter(Boolean)).toEqual([
      "haproxy:21401",
      "haproxy:21402",
      "haproxy:21403",
    ]);
  });

  test("OTLP at a native insert port goes through the gateway, and traces take nothing else", () => {
    const [plan] = plansOf(2);
    if (plan === undefined) throw new Error("no plan");
    for (const name of ["metrics", "logs", "traces"]) {
      expect(serversOf(plan, `be_${name}_insert`)[0]).toBe("gateway gateway:4318");
      expect(frontend(plan, `${name}_insert`)).toContain(`!{ path /v1/${name} }`);
    }
    expect(frontend(plan, "traces_insert")).not.toMatch(/native/);
    expect(serversOf(plan, "be_traces_insert_native")).toEqual([]);
  });

  test.each([2, 3, 10])("of %i nodes: each runs both agents, which write once to the door of each group", (count) => {
    for (const plan of plansOf(count)) {
      const view = servicesOf(plan).filter(({ service }) => service.endsWith("agent"));
      expect(view.map(({ service }) => service)).toEqual(["vmagent", "vlagent"]);
      for (const { command } of view) {
        const doors = command.flatMap((word) => /^-remoteWrite\.url=http:\/\/(haproxy:\d+)\//.exec(word)?.[1] ?? []);
        expect(doors).toHaveLength(2);
        expect(new Set(doors).size).toBe(2);
      }
      const volumes = plan.prepare.volumes.map(({ source }) => source);
      for (const { data } of plan.agents) expect(volumes).toContain(data.source);
    }
  });

  test("one node runs no agent", () => {
    expect(plansOf(1)[0]?.agents).toEqual([]);
  });

  test("other protocols are taken by the own agent, and by another node's while it is down", () => {
    const [, two] = plansOf(3);
    if (two === undefined) throw new Error("no plan");
    for (const [name, agent] of [
      ["metrics", "vmagent vmagent:8429"],
      ["logs", "vlagent vlagent:9429"],
    ] as const) {
      const servers = backend(two, `be_${name}_insert_native`).filter((text) => text.startsWith("server "));
      expect(serversOf(two, `be_${name}_insert_native`)[0]).toBe(agent);
      expect(servers.slice(1).map((text) => /sni str\((\S+)\) (backup)/.exec(text)?.slice(1).join(" "))).toEqual([
        `${agent.split(" ")[0]}.node1.mesh backup`,
        `${agent.split(" ")[0]}.node3.mesh backup`,
      ]);
      expect(backend(two, `be_${name}_insert_native`)).toContain("http-check send meth GET uri /health");
      expect(configOf(two)).toContain(`use_backend be_in_${agent.split(" ")[0]} if`);
    }
  });

  test("the access table names who takes what", () => {
    const points = plansOf(2)[0]?.accessPoints ?? [];
    const taking = points.filter(({ name }) => name.endsWith("Insert")).map(({ service }) => service);
    expect(taking).toEqual(["vmagent", "vlagent", "gateway"]);
  });
});

describe("reading", () => {
  test("metrics are asked of the own vmselect first, then of any other", () => {
    const [plan] = plansOf(3);
    if (plan === undefined) throw new Error("no plan");
    expect(serversOf(plan, "be_metrics_select")).toEqual([
      "vmselect vmselect:8481",
      "node2 10.0.0.12:7443",
      "node3 10.0.0.13:7443",
    ]);
  });

  test.each(["logs", "traces"])(
    "%s are answered by every select role of one group, never of both at once",
    (signal) => {
      const kind = signal === "logs" ? "vlselect" : "vtselect";
      const [one, two] = plansOf(3);
      if (one === undefined || two === undefined) throw new Error("no plan");
      expect(serversOf(one, `be_${signal}_a`).map((text) => text.split(" ")[0])).toEqual([kind, "node3"]);
      expect(serversOf(one, `be_${signal}_b`).map((text) => text.split(" ")[0])).toEqual(["node2"]);
      expect(serversOf(two, `be_${signal}_b`).map((text) => text.split(" ")[0])).toEqual([kind]);
      expect(backend(one, `be_${signal}_a`)).toContain(`http-check expect string '"status":"success"'`);
    },
  );

  test("a select role is asked by a query whose body is looked at: a hung storage answers with status 200", () => {
    for (const plan of plansOf(2))
      for (const name of ["be_logs_a", "be_logs_b", "be_traces_a", "be_traces_b"])
        expect(backend(plan, name).some((text) => text.includes("/select/logsql/stats_query"))).toBe(true);
  });
});

describe("the single layout, which cannot shard", () => {
  test("keeps a group's data on the first node of it; the others run no store", () => {
    const plans = plansOf(5, SINGLE);
    const stores = plans.map((plan) =>
      servicesOf(plan)
        .map(({ service }) => service)
        .filter((name) => /^v[mlt]s/.test(name)),
    );
    expect(stores).toEqual([
      ["vmsingle", "vlstorage", "vtstorage"],
      ["vmsingle", "vlstorage", "vtstorage"],
      [],
      [],
      [],
    ]);
  });

  test("takes no data where queries are taken: it would reach one group alone", () => {
    for (const plan of plansOf(2, SINGLE))
      for (const name of ["metrics", "logs", "traces"]) {
        expect(frontend(plan, `${name}_select`)).toMatch(
          /return status 501 .*path,url_dec -m sub \/insert \/api\/v1\/import/,
        );
      }
  });

  test("reads metrics from one group at a time as well", () => {
    const third = plansOf(3, SINGLE)[2];
    if (third === undefined) throw new Error("no plan");
    expect(serversOf(third, "be_metrics_a")).toEqual(["node1 10.0.0.11:7443"]);
    expect(serversOf(third, "be_metrics_b")).toEqual(["node2 10.0.0.12:7443"]);
  });
});

test.each([2, 100])("of %i nodes: no line of HAProxy's has more than the 64 words that it takes", (count) => {
  for (const plan of plansOf(count).slice(0, 2))
    for (const text of configOf(plan).split("\n")) expect(text.trim().split(/\s+/).length).toBeLessThan(64);
});

describe("the mesh", () => {
  test("publishes one port beside the access points", () => {
    for (const plan of plansOf(3, { mesh: { port: 9443 } })) {
      const beside = plan.haproxy.service.publish.filter(({ internal }) => internal === 7443);
      expect(beside).toEqual([{ internal: 7443, external: 9443, address: plan.address }]);
      expect(plan.haproxy.service.publish).toHaveLength(11);
    }
  });

  test("takes nobody without a certificate of a node of the fleet", () => {
    const [plan] = plansOf(3);
    const receiver = frontend(plan ?? expect.fail(), "mesh");
    expect(receiver).toContain("verify required strict-sni");
    for (const name of ["node1", "node2", "node3"])
      expect(receiver).toContain(`acl from_node ssl_c_s_dn(cn) -m str ${name}\n`);
    expect(receiver).toContain("tcp-request content reject unless from_node");
    expect(receiver).not.toContain("default_backend");
  });

  test("verifies the name of every peer, for traffic and for checks", () => {
    for (const plan of plansOf(3)) {
      const remote = configOf(plan)
        .split("\n")
        .filter((text) => text.trim().startsWith("server ") && text.includes(":7443"));
      const checked = remote.filter((text) => / check /.test(text));
      expect(checked.length).toBeGreaterThan(10);
      for (const text of remote) {
        const [, peer = ""] = text.trim().split(" ");
        expect(text).toMatch(new RegExp(`verify required sni str\\([a-z-]+\\.${peer}\\.mesh\\)`));
        if (checked.includes(text)) expect(text).toMatch(new RegExp(`check check-sni [a-z-]+\\.${peer}\\.mesh`));
      }
    }
  });

  test("keeps private keys out of every rendered text: files are named, not held", () => {
    for (const { haproxy } of plansOf(2)) {
      expect(haproxy.files.map(({ path }) => path)).toEqual([
        "haproxy.cfg",
        "landing.html",
        "choice.lua",
        "agents.lua",
        "mesh.pem",
        "mesh-ca.crt",
      ]);
      expect(JSON.stringify(haproxy)).not.toContain("PRIVATE KEY");
    }
  });

  test("is refused without a certificate for every node", () => {
    const fleet = defineFleet({ nodes: nodes(2) });
    const { mesh, ...others } = secretsFor(fleet);
    expect(codesOf(problemsOf(() => planFleet(fleet, others)))).toEqual([
      ["mesh/certificate-missing", "secrets.mesh"],
      ["mesh/certificate-missing", "secrets.mesh"],
    ]);
    expect(mesh).toBeDefined();
  });

  test("a certificate that was renewed changes the configuration, so that it is read", () => {
    const fleet = defineFleet({ nodes: nodes(2) });
    const secrets = secretsFor(fleet);
    const renewed = { ...secrets.mesh?.certificates, node1: { path: "/p", fingerprint: "e".repeat(64) } };
    const hashes = (certificates: typeof renewed) =>
      planFleet(fleet, { ...secrets, mesh: { caPath: "/ca", caFingerprint: "f", certificates } }).nodes.map(
        ({ haproxy }) => haproxy.configHash,
      );
    const [one, two] = hashes(renewed);
    const [oneBefore, twoBefore] = hashes({ ...renewed, ...secrets.mesh?.certificates });
    expect(one).not.toBe(oneBefore);
    expect(two).toBe(twoBefore);
  });
});
