import type Docker from "dockerode";
import { byTag } from "../lib/images/lock";
import { type NodePlan, servicesOf } from "../lib/plan/node-plan";
import { CliError, type Trouble } from "./failure";

const FIRST_ANSWER_SECONDS = 30;
/** A pull that says nothing for so long has died. */
const SILENCE_SECONDS = 90;

/** What is needed of an engine to get images; a fake in tests. */
export interface ImageEngine {
  has(ref: string): Promise<boolean>;
  /** @param onAnswer called at every sign of life from the registry */
  pull(ref: string, signal: AbortSignal, onAnswer: () => void): Promise<void>;
}

export function imageEngine(client: Docker): ImageEngine {
  return {
    has: async (ref) => {
      try {
        await client.getImage(ref).inspect();
        return true;
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 404) return false;
        throw error;
      }
    },
    pull: async (ref, signal, onAnswer) => {
      const stream = await client.pull(ref, { abortSignal: signal });
      await new Promise<void>((resolve, reject) => {
        client.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), onAnswer);
      });
    },
  };
}

/** Images that a node's services run from. */
export function imagesOf(plan: NodePlan): readonly string[] {
  return [...new Set(servicesOf(plan).map(({ image }) => plan.images[image].ref))];
}

/** How an image comes to an engine that cannot pull it. @param address of the engine, as the docker CLI takes it */
export function carriedBy(ref: string, { pulls }: Pick<NodePlan, "pulls">, address: string): string {
  if (!pulls) return "npm run mirador -- images load, with a file of images save of the same images and the same lock";
  // Under its tag, as docker load brings it, an engine does not find what is asked for by digest.
  if (!byTag(ref)) return "write pulls: false for this node, and load the images: npm run mirador -- images load";
  return `docker save ${ref} | docker -H ${address} load`;
}

/** Either every image is there, or one of them cannot be had. */
export type Provision =
  | { readonly complete: true; readonly pulled: number; readonly present: number }
  | { readonly complete: false; readonly ref: string; readonly reason: string };

export interface ProvideOptions {
  readonly waiting?: (text: string) => void;
  readonly firstAnswerSeconds?: number;
  /** Whether the engine can pull; where it cannot, it is not tried. @default true */
  readonly pulls?: boolean;
}

/** Pulls what is missing. The first pull alone shows whether there is a registry; the others then run side by side. */
export async function provideImages(
  refs: readonly string[],
  engine: ImageEngine,
  { waiting = () => undefined, firstAnswerSeconds = FIRST_ANSWER_SECONDS, pulls = true }: ProvideOptions = {},
): Promise<Provision> {
  const unique = [...new Set(refs)];
  const missing: string[] = [];
  for (const ref of unique) if (!(await engine.has(ref))) missing.push(ref);
  const present = unique.length - missing.length;
  const [first, ...others] = missing;
  if (first === undefined) return { complete: true, pulled: 0, present };
  if (!pulls) return { complete: false, ref: first, reason: "the fleet says that this node pulls nothing" };

  let pulled = 0;
  const tell = (): void => waiting(`pulling, ${pulled} of ${missing.length} images done`);
  const pull = async (ref: string, limit: number): Promise<Provision | undefined> => {
    const failure = await pullWithin(engine, ref, limit);
    if (failure !== undefined) return { complete: false, ref, reason: failure };
    pulled += 1;
    tell();
    return undefined;
  };
  waiting(`pulling ${first}, answer expected within ${firstAnswerSeconds} s`);
  const failures = [await pull(first, firstAnswerSeconds)];
  if (failures[0] === undefined) failures.push(...(await Promise.all(others.map((ref) => pull(ref, SILENCE_SECONDS)))));
  return failures.find((failure) => failure !== undefined) ?? { complete: true, pulled, present };
}

/** @returns why it failed, or nothing */
async function pullWithin(engine: ImageEngine, ref: string, answerSeconds: number): Promise<string | undefined> {
  const abort = new AbortController();
  let limit = answerSeconds;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<string>((resolve) => {
    const arm = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        resolve(`no answer within ${limit} s`);
        abort.abort();
      }, limit * 1000);
    };
    arm();
    abort.signal.addEventListener("answer", () => {
      limit = SILENCE_SECONDS;
      arm();
    });
  });
  const work = engine
    .pull(ref, abort.signal, () => abort.signal.dispatchEvent(new Event("answer")))
    .then(() => undefined)
    .catch((error: Error) => reasonOf(error));
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The end of the engine's long sentence holds the reason; its beginning repeats addresses. */
export function reasonOf({ message }: Error): string {
  const text = message.replace(/^\(HTTP code \d+\)\s*/, "").replaceAll(/\s+/g, " ");
  const known =
    /(lookup [^\s:]+).*?(no such host|server misbehaving|i\/o timeout)/.exec(text) ??
    /(dial tcp \S+):.*?(connection refused|no route to host|network is unreachable|i\/o timeout)/.exec(text);
  if (known) return `${known[1]}: ${known[2]}`;
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

/** What the fleet and the images are, as the environment of the program says it. */
export interface Choice {
  readonly MIRADOR_FLEET?: string;
  readonly MIRADOR_IMAGES?: string;
}

export interface ChosenImages {
  readonly choice: Choice;
  readonly source: "official" | "given" | "parts";
  /** For the line that says what was done. */
  readonly said: string;
  /** Brings the provider; only where parts were built. */
  readonly terraformConfigFile?: string;
}

export interface ImageDependencies {
  /** `MIRADOR_IMAGES` of built parts. */
  readonly partsFile: string;
  /** A fleet that does without the images of the metrics cluster, which cannot be built here. */
  readonly partsFleet: string;
  /** Images that a choice needs. @throws ProblemError when the fleet cannot be used */
  readonly refsOf: (choice: Choice) => Promise<readonly string[]>;
  readonly has: (ref: string) => Promise<boolean>;
  readonly provide: (refs: readonly string[]) => Promise<Provision>;
  readonly buildParts: () => Promise<{ readonly terraformConfigFile: string }>;
  readonly line: (text: string) => void;
}

/**
 * Decides which images are deployed: those that the person named, else the official ones, else parts built here. Where
 * the person named no fleet and the default one needs images that are not there, one that does without them is taken.
 */
export async function chooseImages(asked: Choice, deps: ImageDependencies): Promise<ChosenImages> {
  const { MIRADOR_IMAGES } = asked;
  // A wrong fleet is told before anything is pulled or built.
  const refs = await deps.refsOf(asked);
  if (MIRADOR_IMAGES !== undefined && MIRADOR_IMAGES !== deps.partsFile) {
    const choice = (await choiceWithImages(asked, deps)) ?? asked;
    const provision = await deps.provide(await deps.refsOf(choice));
    if (provision.complete) return { choice, source: "given", said: `${counted(provision)}, as MIRADOR_IMAGES says` };
    throw missing(provision, "environment MIRADOR_IMAGES", "name an image that the engine has or can pull");
  }
  if (MIRADOR_IMAGES === undefined) {
    const provision = await deps.provide(refs);
    if (provision.complete) return { choice: asked, source: "official", said: `official ones: ${counted(provision)}` };
    deps.line(`${provision.ref} cannot be pulled: ${provision.reason}`);
    deps.line("building the parts from source instead; what was built before is found again");
  }
  const { terraformConfigFile } = await deps.buildParts();
  const withParts = { ...asked, MIRADOR_IMAGES: deps.partsFile };
  const choice = (await choiceWithImages(withParts, deps)) ?? withParts;
  const provision = await deps.provide(await deps.refsOf(choice));
  if (provision.complete)
    return { choice, source: "parts", said: `built parts: ${counted(provision)}`, terraformConfigFile };
  throw missing(
    provision,
    choice.MIRADOR_FLEET ?? "fleet.ts",
    `use layouts: { metrics: "single" } as in ${deps.partsFleet}, or name such an image in MIRADOR_IMAGES`,
  );
}

/** The named fleet, else the default one, else the small one; whichever has all its images on the engine. */
async function choiceWithImages(asked: Choice, deps: ImageDependencies): Promise<Choice | undefined> {
  if (asked.MIRADOR_FLEET !== undefined) return asked;
  for (const choice of [asked, { ...asked, MIRADOR_FLEET: deps.partsFleet }]) {
    const present = await Promise.all((await deps.refsOf(choice)).map(deps.has));
    if (!present.every(Boolean)) continue;
    if (choice !== asked)
      deps.line(
        `fleet.ts needs images of the metrics cluster, which are not here: ${deps.partsFleet} is deployed instead`,
      );
    return choice;
  }
  return undefined;
}

function missing({ ref, reason }: Extract<Provision, { complete: false }>, where: string, fix: string): CliError {
  return new CliError({
    code: "image/missing",
    what: `${ref} is not on the engine and cannot be pulled: ${reason}; nothing was changed`,
    where,
    fix,
  });
}

function counted({ pulled, present }: Extract<Provision, { complete: true }>): string {
  if (pulled === 0) return `${present} present`;
  return present === 0 ? `${pulled} pulled` : `${pulled} pulled, ${present} present`;
}

/** Where something is to be looked at, or run. */
export function imageNotHere(
  ref: string,
  plan: Pick<NodePlan, "pulls">,
  { node, address }: { readonly node: string; readonly address: string },
): Trouble {
  const carried = carriedBy(ref, plan, address);
  return {
    code: "image/not-here",
    what: `${ref} is not on the engine of ${node} yet`,
    where: address,
    fix: plan.pulls ? `npm run mirador -- up pulls it; where no registry can be reached load it: ${carried}` : carried,
  };
}
