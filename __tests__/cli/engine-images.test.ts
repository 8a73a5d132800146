import { describe, expect, test } from "vitest";
import {
  type Choice,
  carriedBy,
  chooseImages,
  type ImageDependencies,
  type ImageEngine,
  provideImages,
  reasonOf,
} from "../../cli/engine-images";

const never = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));

function engine(present: readonly string[], pull: ImageEngine["pull"] = async () => undefined): ImageEngine {
  return { has: async (ref) => present.includes(ref), pull };
}

describe("provideImages", () => {
  test("pulls nothing that is there", async () => {
    const pull = () => Promise.reject(new Error("no network"));
    expect(await provideImages(["a", "b", "a"], engine(["a", "b"], pull))).toEqual({
      complete: true,
      pulled: 0,
      present: 2,
    });
  });

  test("pulls what is missing", async () => {
    expect(await provideImages(["a", "b", "c"], engine(["a"]))).toEqual({ complete: true, pulled: 2, present: 1 });
  });

  test("tries nothing on a node that pulls nothing", async () => {
    const pull = () => Promise.reject(new Error("tried"));
    expect(await provideImages(["a", "b"], engine(["a"], pull), { pulls: false })).toEqual({
      complete: false,
      ref: "b",
      reason: "the fleet says that this node pulls nothing",
    });
    expect(await provideImages(["a"], engine(["a"], pull), { pulls: false })).toMatchObject({ complete: true });
  });

  test("gives up after the first failure, with its reason", async () => {
    const tried: string[] = [];
    const pull: ImageEngine["pull"] = async (ref) => {
      tried.push(ref);
      throw new Error(
        '(HTTP code 500) server error - Get "https://r/v2/": dial tcp: lookup r on 1.1.1.1:53: no such host',
      );
    };
    expect(await provideImages(["a", "b"], engine([], pull))).toEqual({
      complete: false,
      ref: "a",
      reason: "lookup r: no such host",
    });
    expect(tried).toEqual(["a"]);
  });

  test("a registry that says nothing is given up in time", async () => {
    const silent = engine([], (_, signal) => never(signal));
    const provision = await provideImages(["a"], silent, { firstAnswerSeconds: 0.05 });
    expect(provision).toMatchObject({ complete: false, reason: "no answer within 0.05 s" });
  });

  test("a slow pull that has answered is waited for", async () => {
    const slow = engine([], async (_ref, _signal, onAnswer) => {
      onAnswer();
      await new Promise((done) => setTimeout(done, 150));
    });
    expect(await provideImages(["a"], slow, { firstAnswerSeconds: 0.05 })).toMatchObject({ complete: true });
  });
});

test.each([
  ["by its tag", "haproxy:3", true, "docker save haproxy:3 | docker -H ssh://h load"],
  ["by digest, which a file cannot bring", `haproxy:3@sha256:${"0".repeat(64)}`, true, "pulls: false"],
  ["where nothing is pulled", "mirador.local/loaded/haproxy:3-00", false, "mirador -- images load"],
])("an image is carried %s", (_, ref, pulls, fix) => {
  expect(carriedBy(ref, { pulls }, "ssh://h")).toContain(fix);
});

test.each([
  ["dial tcp 10.0.0.1:443: connect: connection refused", "dial tcp 10.0.0.1:443: connection refused"],
  ["dial tcp: lookup registry on 127.0.0.11:53: no such host", "lookup registry: no such host"],
  ["manifest unknown", "manifest unknown"],
])("the reason of %j is %j", (message, reason) => {
  expect(reasonOf(new Error(message))).toBe(reason);
});

describe("chooseImages", () => {
  const OFFICIAL = { "fleet.ts": ["vmstorage"], "small.ts": ["victoria-metrics"], "mine.ts": ["vmstorage"] } as const;

  /** The world: which images are there, which can be pulled. */
  function world({ present = [], pullable = [] }: { present?: string[]; pullable?: string[] }) {
    const there = new Set(present);
    const lines: string[] = [];
    let built = 0;
    const deps: ImageDependencies = {
      partsFile: "/cache/images.json",
      partsFleet: "small.ts",
      refsOf: async ({ MIRADOR_FLEET = "fleet.ts", MIRADOR_IMAGES }: Choice) =>
        OFFICIAL[MIRADOR_FLEET as keyof typeof OFFICIAL].map((key) =>
          MIRADOR_IMAGES === undefined || (MIRADOR_IMAGES === "/cache/images.json" && key === "vmstorage")
            ? `official/${key}`
            : `${MIRADOR_IMAGES}/${key}`,
        ),
      has: async (ref) => there.has(ref),
      provide: async (refs) => {
        const missing = refs.find((ref) => !there.has(ref) && !pullable.includes(ref));
        return missing === undefined
          ? { complete: true, pulled: 0, present: refs.length }
          : { complete: false, ref: missing, reason: "no such host" };
      },
      buildParts: async () => {
        built += 1;
        there.add("/cache/images.json/victoria-metrics");
        return { terraformConfigFile: "/cache/terraform.rc" };
      },
      line: (text) => lines.push(text),
    };
    return { deps, lines, built: () => built };
  }

  test("official images where they can be pulled, and the fleet as it is", async () => {
    const { deps, built } = world({ pullable: ["official/vmstorage"] });
    expect(await chooseImages({}, deps)).toMatchObject({ source: "official", choice: {} });
    expect(built()).toBe(0);
  });

  test("built parts where they cannot, with the fleet that does without the metrics cluster, saying both", async () => {
    const { deps, lines } = world({});
    const chosen = await chooseImages({}, deps);
    expect(chosen).toMatchObject({
      source: "parts",
      choice: { MIRADOR_FLEET: "small.ts", MIRADOR_IMAGES: "/cache/images.json" },
      terraformConfigFile: "/cache/terraform.rc",
    });
    expect(lines.join("\n")).toMatch(/cannot be pulled: no such host[\s\S]*small\.ts is deployed instead/);
  });

  test("a fleet that the person named stays, even if its images cannot be had", async () => {
    const { deps } = world({});
    await expect(chooseImages({ MIRADOR_FLEET: "mine.ts" }, deps)).rejects.toThrow(
      /image\/missing[\s\S]*official\/vmstorage/,
    );
  });

  test("images that the person named are never replaced by others", async () => {
    const { deps, built } = world({});
    await expect(chooseImages({ MIRADOR_IMAGES: "mine.json" }, deps)).rejects.toThrow(
      /image\/missing[\s\S]*MIRADOR_IMAGES/,
    );
    expect(built()).toBe(0);
    const { deps: complete } = world({ present: ["mine.json/vmstorage"] });
    expect(await chooseImages({ MIRADOR_IMAGES: "mine.json" }, complete)).toMatchObject({
      source: "given",
      choice: { MIRADOR_IMAGES: "mine.json" },
    });
  });

  test("a second run on built parts asks no registry", async () => {
    const { deps, lines } = world({});
    await chooseImages({ MIRADOR_IMAGES: "/cache/images.json" }, deps);
    expect(lines.join()).not.toContain("cannot be pulled");
  });
});
