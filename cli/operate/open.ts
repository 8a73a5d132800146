import { spawn } from "node:child_process";
import { readEnvironment } from "../../inputs/environment";
import type { Environment } from "../../lib/fleet/environment";
import type { Fleet } from "../../lib/fleet/fleet";
import type { NodePlan, PlannedAccessPoint } from "../../lib/plan/node-plan";
import { type AccessPointName, STATS_PATHS } from "../../lib/plan/ports";
import type { Fetch } from "../access-table";
import { chosenNodes } from "../chosen";
import { CliError, EXIT } from "../failure";
import { statsPasswordPlace } from "../secrets";
import type { Session } from "../session";
import { nodesToLookAt } from "./nodes";

/** Pages for people, with the access point that has each. */
const PAGES = {
  landing: "stats",
  stats: "stats",
  metrics: "metricsSelect",
  logs: "logsSelect",
  traces: "tracesSelect",
} as const satisfies Readonly<Record<string, AccessPointName>>;
export type PageName = keyof typeof PAGES;

/** What {@link open} opens. */
export interface OpenOptions {
  readonly page: PageName;
  /** @default - the first that answers */
  readonly node: string | undefined;
  /** No browser is started. */
  readonly print: boolean;
}

const ANSWER_MILLISECONDS = 5_000;
/** A program that hands an address to a browser has failed by then, or it is the browser itself. */
const START_MILLISECONDS = 2_000;

/**
 * `mirador open`: a page of a node in the person's browser. Its address stands alone on the standard output.
 * @returns the exit status
 * @throws CliError `open/no-answer`, `open/no-browser`
 */
export async function open(session: Session, { page, node, print }: OpenOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, []);
  const found = await firstThatAnswers(chosenNodes(plans, node === undefined ? [] : [node]), page);
  const { plan, url } = found;
  process.stdout.write(`${url}\n`);
  for (const note of notesOn(session, fleet, pointOf(plan, page), page)) console.error(`note: ${note}`);
  if (found.trouble !== undefined) throw noAnswer(plan.name, url, found.trouble);
  if (print) return EXIT.ok;
  const program = browserProgram(process.platform, session.environment);
  if (program === undefined) console.error("note: there is no display here, so no browser was started");
  else await start(program, url, session.environment);
  return EXIT.ok;
}

/** What a person is to know who opens it. */
function notesOn(
  { folder, environment }: Session,
  { haproxy }: Fleet,
  { login, standIn }: PlannedAccessPoint,
  page: PageName,
): readonly string[] {
  if (standIn !== undefined) return [`there is no vmui here: ${standIn}`];
  if (page !== "stats") return [];
  const place = statsPasswordPlace(folder, readEnvironment(folder, environment), haproxy);
  return [`it asks for a login: ${login}${place === undefined ? "" : `, with the password in ${place}`}`];
}

interface Page {
  readonly plan: NodePlan;
  readonly url: string;
  /** Why it does not answer. */
  readonly trouble?: string;
}

/** Of several nodes the first one whose page answers; the first one when none does. */
async function firstThatAnswers(plans: readonly NodePlan[], page: PageName): Promise<Page> {
  const pages = await Promise.all(
    plans.map(async (plan): Promise<Page> => {
      const url = pageUrl(plan, page);
      const trouble = await troubleAt(url);
      return { plan, url, ...(trouble === undefined ? {} : { trouble }) };
    }),
  );
  const found = pages.find(({ trouble }) => trouble === undefined) ?? pages[0];
  if (found === undefined) throw new Error("the fleet has no node");
  return found;
}

/** Where a browser finds a page. No login is part of it: addresses are kept in histories and lists of processes. */
export function pageUrl(plan: Pick<NodePlan, "accessPoints">, page: PageName): string {
  const path = page === "stats" ? STATS_PATHS.stats : pointOf(plan, page).path;
  return new URL(path ?? "/", pointOf(plan, page).url).href;
}

function pointOf({ accessPoints }: Pick<NodePlan, "accessPoints">, page: PageName): PlannedAccessPoint {
  const point = accessPoints.find(({ name }) => name === PAGES[page]);
  if (point === undefined) throw new Error(`the plan has no access point ${PAGES[page]}`);
  return point;
}

/** Reasons for which a browser gets no further than this program. */
const NOT_THERE = new Set(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"]);

/**
 * Why a page does not answer; nothing when it does. One that asks for a login answers, and one whose certificate is
 * unknown here is the browser's to judge.
 */
export async function troubleAt(url: string, request: Fetch = fetch): Promise<string | undefined> {
  try {
    const response = await request(url, { signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
    await response.body?.cancel();
    return response.status === 401 || response.status < 400 ? undefined : `HTTP ${response.status}`;
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    if (name === "TimeoutError") return `no answer in ${ANSWER_MILLISECONDS / 1000} s`;
    return NOT_THERE.has(cause?.code ?? "") ? cause?.code : undefined;
  }
}

/** What starts the person's browser: a program and its arguments before the address. */
export type BrowserProgram = readonly [program: string, ...args: string[]];

/** @returns nothing where no browser can be shown */
export function browserProgram(platform: NodeJS.Platform, environment: Environment): BrowserProgram | undefined {
  if (platform === "darwin") return ["open"];
  // `start` is a word of cmd.exe, which would read `&` in an address as the end of a command.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ["xdg-open"] : undefined;
}

/** It goes on when this program has ended, and what it says about itself is not for a person who wanted a page. */
function start([program, ...args]: BrowserProgram, url: string, environment: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = environment as NodeJS.ProcessEnv;
    const child = spawn(program, [...args, url], { env, detached: true, stdio: "ignore" });
    const running = setTimeout(resolve, START_MILLISECONDS);
    child.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(running);
      reject(noBrowser(program, error.code === "ENOENT" ? "is not on the PATH" : `does not start: ${error.message}`));
    });
    child.once("exit", (status) => {
      clearTimeout(running);
      if (status === 0) resolve();
      else reject(noBrowser(program, `ended with status ${status}`));
    });
    child.unref();
  });
}

function noAnswer(node: string, url: string, trouble: string): CliError {
  return new CliError({
    code: "open/no-answer",
    what: `the page does not answer: ${trouble}`,
    where: url,
    fix: `npm run mirador -- health ${node} says what does not work`,
  });
}

function noBrowser(program: string, what: string): CliError {
  return new CliError({
    code: "open/no-browser",
    what: `no browser could be started: ${program} ${what}`,
    where: "this machine",
    fix: "open the address above by hand; --print starts no browser",
  });
}
