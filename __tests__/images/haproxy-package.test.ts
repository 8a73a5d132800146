import { describe, expect, test } from "vitest";
import { nearestPackage, packageOffers } from "../../images/haproxy-package";

const madison = (...lines: readonly (readonly [version: string, suite: string])[]): string =>
  lines
    .map(
      ([version, suite]) =>
        `   haproxy | ${version.padStart(10)} | http://mirror.example/debian ${suite}/main amd64 Packages\n`,
    )
    .join("");
const nearest = (...lines: readonly (readonly [version: string, suite: string])[]): string =>
  nearestPackage(packageOffers(madison(...lines)), "3.4.7").version;

test("the list of an archive is read with each package's suite and upstream version", () => {
  expect(packageOffers(madison(["3.4.7-1", "experimental"], ["1:3.2.26-1+b2", "sid"]))).toEqual([
    { version: "3.4.7-1", upstream: "3.4.7", suite: "experimental" },
    { version: "1:3.2.26-1+b2", upstream: "3.2.26", suite: "sid" },
  ]);
});

describe("the package that is installed", () => {
  test("is the pin, wherever it is offered", () => {
    expect(nearest(["3.4.9-1", "experimental"], ["3.4.7-1", "sid"])).toBe("3.4.7-1");
  });

  test("is else the newest of the pin's branch", () => {
    expect(nearest(["3.4.10-1", "experimental"], ["3.4.9-1", "experimental"], ["3.2.26-1", "sid"])).toBe("3.4.10-1");
  });

  test("is else the newest that is older, never one of a branch that nobody ran", () => {
    expect(nearest(["3.6.1-1", "experimental"], ["3.2.26-1", "sid"], ["3.0.11-1+deb13u3", "trixie"])).toBe("3.2.26-1");
  });

  test("is no development version: it counts in another way", () => {
    expect(nearest(["3.5~dev5-1", "experimental"], ["3.2.26-1", "sid"])).toBe("3.2.26-1");
  });

  test.each([
    ["nothing", []],
    ["newer branches alone", [["3.6.1-1", "experimental"]] as const],
  ])("fails where an archive offers %s", (_, lines) => {
    expect(() => nearest(...lines)).toThrow("no package of HAProxy 3.4.x or older");
  });
});
