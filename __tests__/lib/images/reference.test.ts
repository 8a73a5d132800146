import { expect, test } from "vitest";
import { loadedReference, parseReference, shortReference } from "../../../lib/images/reference";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

test.each([
  ["haproxy", { name: "haproxy" }],
  ["haproxy:3.4.7-alpine", { name: "haproxy", tag: "3.4.7-alpine" }],
  ["registry:5000/team/haproxy", { name: "registry:5000/team/haproxy" }],
  ["registry:5000/team/haproxy:3", { name: "registry:5000/team/haproxy", tag: "3" }],
  [`haproxy@${DIGEST}`, { name: "haproxy", digest: DIGEST }],
  [`registry:5000/haproxy:3@${DIGEST}`, { name: "registry:5000/haproxy", tag: "3", digest: DIGEST }],
])("%s is taken apart", (ref, parts) => {
  expect(parseReference(ref)).toEqual(parts);
});

test.each([
  ["haproxy:3", "haproxy:3"],
  [`haproxy:3@${DIGEST}`, `mirador.local/loaded/haproxy:3-${HEX}`],
  [`otel/otelcol@${DIGEST}`, `mirador.local/loaded/otel/otelcol:${HEX}`],
  [`Registry.example:5000/a/b:1@${DIGEST}`, `mirador.local/loaded/registry.example-5000/a/b:1-${HEX}`],
])("%s travels as %s", (ref, loaded) => {
  expect(loadedReference(ref)).toBe(loaded);
  expect(loadedReference(loaded)).toBe(loaded);
});

test("the longest tag and a digest are still a tag", () => {
  const { tag } = parseReference(loadedReference(`a:${"t".repeat(128)}@${DIGEST}`));
  expect(tag).toHaveLength(128);
  expect(tag?.endsWith(HEX)).toBe(true);
});

test("people see the beginning of a digest", () => {
  expect(shortReference(`haproxy:3@${DIGEST}`)).toBe("haproxy:3@sha256:0123456789ab…");
  expect(shortReference("haproxy:3")).toBe("haproxy:3");
});
