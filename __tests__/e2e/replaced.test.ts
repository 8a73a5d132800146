import { join } from "node:path";
import { DockerProvider } from "@cdktf/provider-docker/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { afterAll, expect, inject, test } from "vitest";
import { apply, destroy, init, terraformEnvironment } from "../../cli/terraform";
import { plan } from "../../cli/terraform-plan";
import { ContainerHost } from "../../constructs/container-host";
import { DOCKER_PROVIDER_VERSION } from "../../constructs/node-stack";
import { ServiceContainer } from "../../constructs/service-container";
import { engineAddress } from "../../images/engine";
import { resolveImages } from "../../lib";
import type { ServicePlan } from "../../lib/plan/service-plan";
import type { ServiceName } from "../../lib/plan/services";
import { docker } from "./support/engine";
import { imagesInUse } from "./support/images";
import { NO_CHANGE } from "./support/stack";

const context = inject("e2e");
const PREFIX = "e2e_replaced";
const outdir = join(context.folder, "replaced");
const place = {
  folder: context.folder,
  node: "replaced",
  env: { ...terraformEnvironment(process.env, context.terraformConfigFile), CDKTF_OUTDIR: outdir },
};

const HEALTHY = {
  command: "true",
  intervalSeconds: 1,
  timeoutSeconds: 2,
  retries: 3,
  startPeriodSeconds: 5,
  awaited: true,
};
const edited = containerOf("gateway", { healthcheck: HEALTHY });
const without = containerOf("vlstorage", { healthcheck: HEALTHY });
const mounted = containerOf("vtstorage", { tmpfs: { "/tmp": "rw,size=1m" } });

afterAll(() => destroy(place));

test("a container is replaced, once, when its healthcheck or its tmpfs is edited or its healthcheck is gone", async () => {
  await write([edited, without, mounted]);
  await init(place);
  await apply(place);
  expect((await plan(place)).summary).toEqual(NO_CHANGE);
  const before = await lives();

  const { healthcheck: _, ...gone } = without;
  await write([
    { ...edited, healthcheck: { ...HEALTHY, intervalSeconds: 2 } },
    gone,
    { ...mounted, tmpfs: { "/tmp": "rw,size=2m" } },
  ]);
  expect((await plan(place)).summary).toEqual({ add: 3, change: 0, destroy: 3 });
  await apply(place);
  expect((await plan(place)).summary).toEqual(NO_CHANGE);
  const after = await lives();
  for (const [name, { id }] of Object.entries(before)) expect(after[name]?.id, name).not.toBe(id);
  expect(after).toMatchObject({
    gateway: { intervalSeconds: 2 },
    vlstorage: { intervalSeconds: undefined },
    vtstorage: { tmpfs: { "/tmp": "rw,size=2m" } },
  });
});

/** A container that does nothing, of the image that is sure to hold a shell. */
function containerOf(service: ServiceName, plan: Partial<ServicePlan>): ServicePlan {
  return {
    ...{ service, image: "haproxy", entrypoint: ["sleep"], command: ["600"], environment: {}, user: "99:99" },
    ...{ memoryMiB: 32, openFiles: 1024, stopSeconds: 1, stopSignal: "SIGKILL" },
    ...{ volumes: [], tmpfs: {}, publish: [] },
    ...plan,
  };
}

async function write(plans: readonly ServicePlan[]): Promise<void> {
  const images = resolveImages(await imagesInUse(context.imagesFile));
  const app = new App({ outdir });
  const stack = new TerraformStack(app, place.node);
  new DockerProvider(stack, "docker", { host: engineAddress() });
  stack.addOverride("terraform.required_providers.docker.version", DOCKER_PROVIDER_VERSION);
  new LocalBackend(stack, { path: join(outdir, "tfstate") });
  const host = new ContainerHost(stack, "Host", { prefix: PREFIX, images });
  for (const plan of plans) new ServiceContainer(stack, plan.service, { host, plan });
  app.synth();
}

async function lives() {
  const found = await Promise.all(
    [edited, without, mounted].map(async ({ service }) => {
      const { Id, Config, HostConfig } = await docker.getContainer(`${PREFIX}-${service}`).inspect();
      const nanoseconds = Config.Healthcheck?.Interval;
      const intervalSeconds = nanoseconds === undefined ? undefined : nanoseconds / 1e9;
      return [service, { id: Id, intervalSeconds, tmpfs: HostConfig.Tmpfs }] as const;
    }),
  );
  return Object.fromEntries(found);
}
