import { PassThrough } from "node:stream";
import { beforeEach, expect, test } from "vitest";
import { holdingEngines } from "../../cli/engine-lock";
import { CliError } from "../../cli/failure";
import { resolveImages } from "../../lib";
import type { NodePlan } from "../../lib/plan/node-plan";

/** One container at most: the lock's name is all that the engine is asked for. */
interface Held {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  status: "created" | "running";
}

const failed = (statusCode: number): Error => Object.assign(new Error(`status ${statusCode}`), { statusCode });

/** An engine as far as a lock needs it. Real ones: `__tests__/fleet`. */
class Engine {
  public held: Held | undefined;
  public made = 0;
  /** What happens when a container is about to be started. */
  public beforeStart: () => void = () => {};

  public readonly client = {
    createContainer: async ({ Labels }: { readonly Labels: Held["labels"] }) => {
      if (this.held !== undefined) throw failed(409);
      this.made += 1;
      this.held = { id: `${this.made}`, labels: Labels, status: "created" };
      return this.client.getContainer(this.held.id);
    },
    getContainer: (id: string) => ({
      attach: async () => new PassThrough(),
      start: async () => {
        this.beforeStart();
        this.find(id).status = "running";
      },
      inspect: async () => {
        const { id: Id, status, labels } = this.find(id);
        return { Id, State: { Status: status, Running: status === "running" }, Config: { Labels: labels } };
      },
      remove: async ({ force = false } = {}) => {
        if (this.find(id).status === "running" && !force) throw failed(409);
        this.held = undefined;
      },
    }),
  };

  private find(id: string): Held {
    if (this.held === undefined || (id !== this.held.id && id !== "mirador-node1-lock")) throw failed(404);
    return this.held;
  }
}

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});

const plan = { name: "node1", prefix: "mirador-node1", images: resolveImages() } as NodePlan;
const hold = (work: () => Promise<void> = async () => {}): Promise<void> =>
  holdingEngines(
    {} as never,
    { nodes: [] },
    [plan],
    "mirador up",
    work,
    async () => ({ client: engine.client, address: "the engine" }) as never,
  );
const other = (status: Held["status"]): Held => ({
  ...{ id: "other", status },
  labels: { "mirador.lock.verb": "mirador backup", "mirador.lock.holder": "ann at laptop, process 7" },
});

test("holds the name while it works, and lets go", async () => {
  await hold(async () => expect(engine.held?.status).toBe("running"));
  expect(engine.held).toBeUndefined();
});

test("names who holds it", async () => {
  engine.held = other("running");
  const error = await hold().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CliError);
  expect((error as CliError).troubles).toMatchObject([
    { code: "fleet/locked", what: expect.stringContaining("mirador backup works on node1: ann at laptop, process 7") },
  ]);
  expect(engine.held).toEqual(other("running"));
});

test("takes over what was made and never held", { timeout: 20_000 }, async () => {
  engine.held = other("created");
  await hold(async () => expect(engine.held).toMatchObject({ id: "1", status: "running" }));
});

test("does not work without it when somebody took it over meanwhile", async () => {
  engine.beforeStart = () => {
    engine.held = other("running");
  };
  let worked = false;
  const error = await hold(async () => {
    worked = true;
  }).catch((reason: unknown) => reason);
  expect([worked, (error as CliError).troubles?.map(({ code }) => code)]).toEqual([false, ["fleet/locked"]]);
});
