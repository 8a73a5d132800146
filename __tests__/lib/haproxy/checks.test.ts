import { describe, expect, test } from "vitest";
import { defineFleet } from "../../../lib";
import { nodes, planOf } from "../../support/fleets";

describe("checks of other nodes", () => {
  const withHaproxy = (version: string, count = 3): string => {
    const fleet = defineFleet({ nodes: nodes(count), images: { haproxy: { ref: "haproxy", version } } });
    const file = planOf(fleet).nodes[0]?.haproxy.files.find(({ path }) => path === "haproxy.cfg");
    if (file === undefined || !("text" in file)) throw new Error("no haproxy.cfg");
    return file.text;
  };
  const NEWEST = withHaproxy("3.4.7");

  test("keep their connection, in backends that no traffic goes to", () => {
    const text = withHaproxy("3.4.0");
    const checking = text.split("\n\n").filter((section) => section.includes(" check-sni "));
    expect(checking.length).toBeGreaterThan(15);
    for (const section of checking) {
      expect(section).toMatch(/^backend be_check_\S+ from base\n/);
      expect(section).toContain("\n    http-reuse always\n");
      expect(section).toMatch(/\n {4}http-check send .* ver HTTP\/1\.1 hdr Host \S+ hdr Connection keep-alive\n/);
      expect(section).toMatch(/ alpn mirador-check check check-sni \S+ check-reuse-pool /);
      const name = section.split(" ")[1] ?? "";
      expect(text).not.toMatch(new RegExp(`_backend ${name}$`, "m"));
      expect(text).toContain(` track ${name}/`);
    }
  });

  test("cut off what waits at a raw door, too", () => {
    const door = NEWEST.split("\n\n").find((section) => section.startsWith("backend be_out_vmr_node2 "));
    expect(door).toMatch(/ track be_check_vmstorage_node2\/node2 on-marked-down shutdown-sessions /);
  });

  test("are answered in HTTP mode, so that a HAProxy that stops says so by the next answer", () => {
    const asked = [...NEWEST.matchAll(/ check-sni ([a-z-]+)\./g)].map(([, service]) => service ?? "");
    for (const service of asked) expect(NEWEST).toContain(`\nbackend be_in_check_${service} from base\n`);
  });

  test.each(["3.0.11", "3.2.26", "3.3.9"])("are handshakes with HAProxy %s, which knows no other way", (version) => {
    const text = withHaproxy(version);
    expect(text).not.toMatch(/check-reuse-pool|http-reuse|ver HTTP\/1\.1|backend be_check_/);
    expect(text.match(/ check check-sni /g)).toHaveLength(24);
    expect(text.includes("tune.lua.bool-sample-conversion")).toBe(version !== "3.0.11");
    // Other nodes may have a newer one.
    expect(text).toContain("backend be_in_check_vmstorage ");
  });

  test("are handshakes where kept connections would use up what the mesh takes", () => {
    expect(withHaproxy("3.4.7", 30)).toContain("check-reuse-pool");
    expect(withHaproxy("3.4.7", 31)).not.toContain("check-reuse-pool");
  });
});
