import { expect, test } from "vitest";
import { typedPath } from "../../cli/typed-path";

const at = (environment: Readonly<Record<string, string>>) => (typed: string) =>
  typedPath({ folder: "/srv/mirador", environment }, typed);

test("a path counts from where it was typed: there, by npm, by the shell's function", () => {
  expect(at({})("backups")).toBe("backups");
  expect(at({ npm_lifecycle_event: "mirador", INIT_CWD: "/srv/mirador" })("./backups")).toBe("./backups");
  expect(at({ npm_lifecycle_event: "mirador", INIT_CWD: "/root" })("../backups")).toBe("/backups");
  expect(at({ npm_lifecycle_event: "mirador", INIT_CWD: "/srv/mirador/examples" })("../.env.node1")).toBe(".env.node1");
  const typed = at({ MIRADOR_TYPED_IN: "/root", npm_lifecycle_event: "mirador", INIT_CWD: "/srv/mirador" });
  expect(typed("backups")).toBe("/root/backups");
  expect(typed("/srv/backups")).toBe("/srv/backups");
  expect(typed("s3://backups/fleet")).toBe("s3://backups/fleet");
});

test("what another script of npm left behind counts for nothing", () => {
  expect(at({ npm_lifecycle_event: "test", INIT_CWD: "/root" })("backups")).toBe("backups");
});
