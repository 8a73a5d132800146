import { join } from "node:path";
import type Docker from "dockerode";
import type { ImageChoice, ImageKey } from "../lib/images/catalog";
import { type BuiltName, builtVersions } from "./built-versions";
import { olderComponents } from "./collector-components";
import { imageIsCurrent, importImage, withStaticTree } from "./docker-import";
import { builtHaproxy, haproxyTree } from "./haproxy-rootfs";
import { explaining, line, type StepContext, type StepResult } from "./steps";

/** Raise when trees or changes below differ, so that images are imported again. */
const RECIPE = "2";
const FIX =
  "see that the engine has free disk space (docker system df) and run the same command again; what is built is not built again";

/** Keys of `MIRADOR_IMAGES` that this machine can fill by itself. */
export type ImagePartKey = Extract<
  ImageKey,
  "otelcol" | "haproxy" | "victoria-metrics" | "vmagent" | "victoria-logs" | "vlagent" | "victoria-traces"
>;

interface StaticImage {
  /** Below `mirador.local/`: never an official name. */
  readonly name: Exclude<BuiltName, "provider">;
  /** File in the step's folder. */
  readonly program: string;
  /** Path in the image; the official image's. */
  readonly path: string;
  readonly user?: string;
  readonly standIn?: string;
}

const STATIC_IMAGES: Readonly<Record<Exclude<ImagePartKey, "haproxy">, StaticImage>> = {
  otelcol: { name: "otelcol", program: "otelcol-contrib", path: "/otelcol-contrib", user: "10001:10001" },
  "victoria-metrics": victoria("victoria-metrics"),
  vmagent: victoria("vmagent"),
  "victoria-logs": victoria("victoria-logs"),
  vlagent: victoria("vlagent"),
  "victoria-traces": {
    name: "victoria-traces-double",
    program: "victoria-traces-prod",
    path: "/victoria-traces-prod",
    standIn: "test double: keeps spans on disk and answers the queries of this product's checks; not VictoriaTraces",
  },
};

function victoria(name: "victoria-metrics" | "vmagent" | "victoria-logs" | "vlagent"): StaticImage {
  return { name, program: `${name}-prod`, path: `/${name}-prod` };
}

/** Sees that the engine has the image of a part; gives back what `MIRADOR_IMAGES` says about it. */
export async function importPart(
  key: ImagePartKey,
  { folder }: StepResult,
  docker: Docker,
  context: StepContext,
): Promise<ImageChoice> {
  return key === "haproxy"
    ? importHaproxy(folder, docker, context)
    : importStatic(STATIC_IMAGES[key], folder, docker, context);
}

async function importStatic(
  { name, program, path, user, standIn }: StaticImage,
  folder: string,
  docker: Docker,
  context: StepContext,
): Promise<ImageChoice> {
  const choice: ImageChoice = {
    ...named(name, builtVersions(context.edition)[name]),
    ...(standIn === undefined ? {} : { standIn }),
    ...(name === "otelcol" ? { components: await olderComponents(context.edition) } : {}),
  };
  const changes = [`ENTRYPOINT ["${path}"]`, ...(user === undefined ? [] : [`USER ${user}`]), ...labels(name, choice)];
  await importOnce(choice.ref, changes, folder, docker, context, (use) =>
    withStaticTree(join(folder, program), path.slice(1), (tree) => use(tree, false)),
  );
  return choice;
}

async function importHaproxy(folder: string, docker: Docker, context: StepContext): Promise<ImageChoice> {
  const { version, fixes, suite, instead } = await builtHaproxy(folder);
  context.log(
    line("haproxy", `HAProxy ${version} of Debian ${suite}${instead === undefined ? "" : `, because of ${instead}`}`),
  );
  const choice: ImageChoice = { ...named("haproxy", version), ...(fixes.length > 0 ? { fixes } : {}) };
  const changes = [
    'ENTRYPOINT ["docker-entrypoint.sh"]',
    'CMD ["haproxy","-f","/usr/local/etc/haproxy/haproxy.cfg"]',
    "USER haproxy",
    "WORKDIR /var/lib/haproxy",
    ...labels("haproxy", choice),
  ];
  // The engine takes no STOPSIGNAL at an import: the container has to say SIGUSR1 itself.
  await importOnce(choice.ref, changes, folder, docker, context, (use) => use(haproxyTree(folder), true));
  return choice;
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

function named(name: string, version: string): Pick<ImageChoice, "ref" | "version"> {
  return { ref: `mirador.local/${name}:${version}`, version };
}

function labels(name: string, { version, standIn }: ImageChoice): readonly string[] {
  const label = (key: string, value: string): string => `LABEL ${key}=${JSON.stringify(value)}`;
  return [
    label("org.opencontainers.image.title", name),
    label("org.opencontainers.image.version", version),
    ...(standIn === undefined ? [] : [label("mirador.stand-in", standIn)]),
  ];
}
