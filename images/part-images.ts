import { join } from "node:path";
import type Docker from "dockerode";
import { imageIsCurrent, importImage, withStaticTree } from "./docker-import";
import { builtHaproxyVersion, haproxyTree } from "./haproxy-rootfs";
import { explaining, line, type StepContext, type StepResult } from "./steps";

/** Raise when trees or changes below differ, so that images are imported again. */
const RECIPE = "1";
const FIX =
  "see that the engine has free disk space (docker system df) and run the same command again; what is built is not built again";

/** Keys of `MIRADOR_IMAGES` that this machine can fill by itself. */
export type ImagePartKey =
  | "otelcol"
  | "haproxy"
  | "victoria-metrics"
  | "vmagent"
  | "victoria-logs"
  | "vlagent"
  | "victoria-traces";

/** What one key of the `MIRADOR_IMAGES` file says. */
export interface ImageOverride {
  readonly ref: string;
  readonly version: string;
  readonly standIn?: string;
}

interface StaticImage {
  /** Below `mirador.local/`: never an official name. */
  readonly name: string;
  readonly version: string;
  /** File in the step's folder. */
  readonly program: string;
  /** Path in the image; the official image's. */
  readonly path: string;
  readonly user?: string;
  readonly standIn?: string;
}

const STATIC_IMAGES: Readonly<Record<Exclude<ImagePartKey, "haproxy">, readonly [StaticImage, ...StaticImage[]]>> = {
  otelcol: [
    { name: "otelcol", version: "0.158.0", program: "otelcol-contrib", path: "/otelcol-contrib", user: "10001:10001" },
  ],
  // The two programs of backup and restore are images of their own, as they are upstream.
  "victoria-metrics": [victoriaMetrics("victoria-metrics"), victoriaMetrics("vmbackup"), victoriaMetrics("vmrestore")],
  vmagent: [victoriaMetrics("vmagent")],
  "victoria-logs": [victoriaLogs("victoria-logs")],
  vlagent: [victoriaLogs("vlagent")],
  "victoria-traces": [
    {
      name: "victoria-traces-double",
      version: "0.1.0",
      program: "victoria-traces-prod",
      path: "/victoria-traces-prod",
      standIn: "test double: keeps spans on disk and answers the queries of this product's checks; not VictoriaTraces",
    },
  ],
};

function victoriaMetrics(name: string): StaticImage {
  return { name, version: "1.150.0", program: `${name}-prod`, path: `/${name}-prod` };
}

function victoriaLogs(name: string): StaticImage {
  return { name, version: "1.24.0", program: `${name}-prod`, path: `/${name}-prod` };
}

/** Sees that the engine has the images of a part; gives back what `MIRADOR_IMAGES` says about it. */
export async function importPart(
  key: ImagePartKey,
  { folder }: StepResult,
  docker: Docker,
  context: StepContext,
): Promise<ImageOverride> {
  if (key === "haproxy") return importHaproxy(folder, docker, context);
  const [main] = STATIC_IMAGES[key];
  for (const image of STATIC_IMAGES[key]) await importStatic(image, folder, docker, context);
  return override(main);
}

async function importStatic(image: StaticImage, folder: string, docker: Docker, context: StepContext): Promise<void> {
  const changes = [`ENTRYPOINT ["${image.path}"]`, ...(image.user === undefined ? [] : [`USER ${image.user}`])];
  await importOnce(override(image).ref, [...changes, ...labels(image)], folder, docker, context, (use) =>
    withStaticTree(join(folder, image.program), image.path.slice(1), (tree) => use(tree, false)),
  );
}

async function importHaproxy(folder: string, docker: Docker, context: StepContext): Promise<ImageOverride> {
  const image = { name: "haproxy", version: await builtHaproxyVersion(folder) };
  const changes = [
    'ENTRYPOINT ["docker-entrypoint.sh"]',
    'CMD ["haproxy","-f","/usr/local/etc/haproxy/haproxy.cfg"]',
    "USER haproxy",
    "WORKDIR /var/lib/haproxy",
    ...labels(image),
  ];
  // The engine takes no STOPSIGNAL at an import: the container has to say SIGUSR1 itself.
  await importOnce(override(image).ref, changes, folder, docker, context, (use) => use(haproxyTree(folder), true));
  return override(image);
}

async function importOnce(
  ref: string,
  changes: readonly string[],
  folder: string,
  docker: Docker,
  { log }: StepContext,
  withTree: (use: (tree: string, keepOwners: boolean) => Promise<void>) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const step = `image ${ref.slice(ref.indexOf("/") + 1)}`;
  const seconds = (): number => (performance.now() - started) / 1000;
  // The folder's name carries the hash of everything that is in it.
  const hash = `${folder.slice(folder.lastIndexOf("-") + 1)}-${RECIPE}`;
  await explaining(step, FIX, async () => {
    if (await imageIsCurrent(docker, { ref, hash })) {
      log(line(step, "found", seconds()));
      return;
    }
    log(line(step, "importing, about 3 s"));
    await withTree((tree, keepOwners) => importImage(docker, { ref, hash, tree, keepOwners, changes }));
    log(line(step, `imported as ${ref}`, seconds()));
  });
}

function labels({ name, version, standIn }: Pick<StaticImage, "name" | "version" | "standIn">): readonly string[] {
  const label = (key: string, value: string): string => `LABEL ${key}=${JSON.stringify(value)}`;
  return [
    label("org.opencontainers.image.title", name),
    label("org.opencontainers.image.version", version),
    ...(standIn === undefined ? [] : [label("mirador.stand-in", standIn)]),
  ];
}

function override({ name, version, standIn }: Pick<StaticImage, "name" | "version" | "standIn">): ImageOverride {
  return { ref: `mirador.local/${name}:${version}`, version, ...(standIn === undefined ? {} : { standIn }) };
}
