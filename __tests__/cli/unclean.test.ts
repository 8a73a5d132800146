import { expect, test } from "vitest";
import type { NodeLook, ServiceLook } from "../../cli/operate/look";
import { statusText } from "../../cli/operate/status";
import { uncleanNotes } from "../../cli/operate/unclean";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const store = (service: "vmstorage" | "vmsingle", more: Partial<ServiceLook> = {}): ServiceLook => ({
  ...{ service, state: "running", version: "1.154.1", restarts: 1 },
  ...{ startedAt: "2026-11-30T09:00:00Z", uncleanEnd: true, ...more },
});
const node = (...services: readonly ServiceLook[]): NodeLook => ({
  ...{ node: "node1", group: "a", engine: "unix:///run/docker.sock", version: "28.0.1", ready: true, services },
});

test.each([
  [
    "the cluster layout of several nodes",
    store("vmstorage"),
    3,
    /Queries merge both groups.* mirador -- repair --check$/,
  ],
  [
    "the single layout of several",
    store("vmsingle"),
    2,
    /which shows while group a answers.* mirador -- repair --check$/,
  ],
  ["a single node", store("vmsingle"), 1, /npm run mirador -- logs vmsingle --node node1$/],
])(
  "a store that was killed is named with its node, what it lacks and what to run, in %s",
  (_, look, nodes, expected) => {
    const [note, ...others] = uncleanNotes(node(look), nodes, NOW);
    expect(others).toEqual([]);
    expect(note).toMatch(
      /^vm(storage|single) of node1 did not end cleanly before it started at 2026-11-30T09:00:00Z: /,
    );
    expect(note).toMatch(expected);
  },
);

test("says nothing of a store that started more than two days ago: whoever looks has dealt with it, or never will", () => {
  expect(uncleanNotes(node(store("vmstorage", { startedAt: "2026-11-28T11:59:00Z" })), 3, NOW)).toEqual([]);
});

test("says nothing of a store that ended cleanly", () => {
  const { uncleanEnd: _, ...clean } = store("vmstorage");
  expect(uncleanNotes(node(clean), 3, NOW)).toEqual([]);
});

test("status shows it below the tables", () => {
  const look = node(store("vmstorage"));
  const text = statusText([{ ...look, notes: uncleanNotes(look, 3, NOW) }], NOW);
  expect(text.at(text.findIndex((line) => line.startsWith("note: ")) - 1)).toBe("");
  expect(text.join(" ")).toContain("npm run mirador -- repair --check");
});
