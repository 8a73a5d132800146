import { createHash } from "node:crypto";
import type { PlannedAccessPoint } from "../plan/node-plan";
import { PORTS, STATS_PATHS } from "../plan/ports";
import { type AccessPoint, backendName, NATIVE } from "./access";
import type { MeshView } from "./mesh";
import { checkName, type ReadinessCheck } from "./readiness";
import { type StickyRead, trafficBackend } from "./reads";
import { type Directive, line } from "./section";

/** What {@link landingPage} tells of a node. */
export interface LandingRequest {
  readonly fleet: string;
  readonly node: string;
  /** Where people and programs find each access point. */
  readonly published: readonly PlannedAccessPoint[];
  /** What answers there. */
  readonly accessPoints: readonly AccessPoint[];
  readonly readiness: readonly ReadinessCheck[];
  /** The access points speak TLS. */
  readonly tls: boolean;
  /** @default - a single node */
  readonly mesh?: { readonly view: MeshView; readonly reads: readonly StickyRead[] };
}

/**
 * HAProxy takes a page no larger than a buffer (`tune.bufsize`), and what it makes of it must fit one together with the
 * headers. This is what its default of 16 KiB leaves, so that a page fits where somebody sets that again.
 */
export const LANDING_MAX_BYTES = 14 * 1024;
/** So that a page with the longest names stays below {@link LANDING_MAX_BYTES}. */
const OTHER_NODES_SHOWN = 40;

/** The host as the browser knows it, which behind a port forwarding is not the node's address. */
const HOST = "txn.landing_host";
const READY = "txn.landing_ready";

/**
 * The rules by which {@link landingPage} is answered. Its links begin with the host that the request names, and what
 * cannot be a host could be markup: such a request is treated like one for a page that is not there.
 * @param file where the page is in HAProxy's container
 */
export function landingRules(file: string, readiness: readonly ReadinessCheck[]): readonly Directive[] {
  const landing = line`{ path ${STATS_PATHS.landing} }`;
  const headers = Object.entries(HEADERS).flatMap(([name, value]) => ["hdr", name, value]);
  return [
    // A line each, of which one is enough: HAProxy takes 64 words a line.
    line`acl not_ready stopping`,
    ...readiness.map(({ service }) => line`acl not_ready nbsrv(${checkName(service)}) lt 1`),
    [...line`http-request set-var(${READY}) bool(true) if`, ...landing],
    [...line`http-request set-var(${READY}) bool(false) if`, ...landing, "not_ready"],
    [...line`http-request set-var(${HOST}) req.hdr(host),host_only if`, ...landing],
    [
      ...line`http-request return status 200 content-type ${"text/html; charset=utf-8"}`,
      ...headers,
      ...line`lf-file ${file} if`,
      ...landing,
      ...line`{ method GET HEAD } !{ dst_port ${PORTS.haproxyInternal} } { var(${HOST}) -m reg ^[]A-Za-z0-9._:[-]+$ }`,
    ],
  ];
}

/**
 * A node's page for people, in HAProxy's log format: `%[…]` is what HAProxy knows at each request, so that the page is
 * true without JavaScript. Without a login it tells the state of the services, and names, addresses and groups of all nodes.
 */
export function landingPage(request: LandingRequest): string {
  const { fleet, node, mesh } = request;
  const own = mesh?.view.members.find(({ name }) => name === node);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text(node)} – ${text(fleet)}</title>
<link rel="icon" href="data:,">
<style>${literal(STYLE)}</style>
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body>
<header>
<h1>${text(node)}</h1>
<p>Fleet ${text(fleet)}${own === undefined ? "" : `, storage group ${own.group}`}</p>
</header>
<main>
${readySection(request.readiness)}
${accessSection(request)}
${sendSection(request)}
${mesh === undefined ? "" : fleetSection(request, mesh)}</main>
<script>${literal(SCRIPT)}</script>
</body>
</html>
`;
}

function readySection(readiness: readonly ReadinessCheck[]): string {
  const ready = (yes: string, no: string): string => either(`var(${READY})`, yes, no);
  const missing = readiness.map(({ service }) => whether(checkName(service), "", `<li>${service}</li>`)).join("");
  return `<section aria-label="Readiness">
<p id="lost" class="banner down" role="alert" hidden><strong>No answer</strong> from this node: what follows is from before.</p>
<div role="status"><div data-live class="banner ${ready("up", "down")}">
<p><strong>${ready("Ready:", "Not ready.")}</strong> ${ready(`all ${readiness.length} services behind HAProxy answer`, "No answer from:")}</p>
<ul>${either("stopping", "<li>haproxy: it is stopping</li>", "")}${missing}</ul>
</div></div>
<p class="note">As of <time data-live>%[date,utime(%H:%M:%S)] UTC</time></p>
</section>`;
}

function accessSection(request: LandingRequest): string {
  return `<section>
<h2>Access points</h2>
<table>
<thead><tr><th scope="col">What</th><th scope="col">Port</th><th scope="col">State</th></tr></thead>
<tbody>
${request.published.map((point) => accessRow(request, point)).join("\n")}
</tbody>
</table>
${request.mesh === undefined ? "" : `<p class="note">Up: requests are answered, by this node or by another.</p>\n`}</section>`;
}

function accessRow({ tls, accessPoints }: LandingRequest, point: PlannedAccessPoint): string {
  const behind = accessPoints.filter(({ name }) => name === point.name);
  // HAProxy's own port has answered whoever reads this.
  const states = point.name === "stats" ? [`<span class="up">up</span>`] : behind.flatMap(statesOf);
  return `<tr><th scope="row">${whatOf(point, tls)}</th><td>${point.port}</td><td>${states.join("<br>")}</td></tr>`;
}

function whatOf({ name, what, port, path, standIn }: PlannedAccessPoint, tls: boolean): string {
  if (name === "stats") {
    const { stats, health, readiness, metrics } = STATS_PATHS;
    // Relative, so that they hold wherever this page is shown.
    const links = [stats, health, readiness, metrics].map((own) => link(`.${own}`, own));
    return `This page, ${links.join(", ").replace(",", " (login),")}`;
  }
  const note = standIn === undefined ? "" : " (a stand-in)";
  return `${path === undefined ? text(what) : link(urlOf(tls, port, path), what)}${note}`;
}

/** Whether a request would be answered; where two programs share a port, of each. */
function statesOf({ name, target, others, sticky, native }: AccessPoint): readonly string[] {
  const [first] = sticky?.groups ?? [];
  // Other groups and nodes answer for the own services. Without others the own one is not checked where traffic goes.
  if (sticky !== undefined && first !== undefined) return [state(trafficBackend(sticky.signal, first.group))];
  if (others === undefined) return [state(checkName(target.service))];
  if (native === undefined) return [state(backendName(name))];
  return [state(backendName(name), "OTLP "), state(backendName(name, NATIVE), "native ")];
}

function sendSection({ tls, published }: LandingRequest): string {
  const { port } = published.find(({ name }) => name === "otlpHttp") ?? {};
  if (port === undefined) return "";
  return `<section>
<h2>Send data from a service</h2>
<pre><code>export OTEL_EXPORTER_OTLP_ENDPOINT=${urlOf(tls, port)}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf</code></pre>
</section>`;
}

function fleetSection(
  { tls, published }: LandingRequest,
  { view, reads }: NonNullable<LandingRequest["mesh"]>,
): string {
  const others = view.members.filter(({ name }) => name !== view.node);
  const { port } = published.find(({ name }) => name === "stats") ?? {};
  const choices = reads.map(
    ({ signal }) => `<div><dt>${signal}</dt><dd data-live>group %[lua.mirador_choice(${signal})]</dd></div>`,
  );
  const nodes = others.slice(0, OTHER_NODES_SHOWN).map(({ name, address, group }) => {
    const url = `${schemeOf(tls)}://${address}:${port}${STATS_PATHS.landing}`;
    return `<li>${link(text(url), name)}, group ${group}</li>`;
  });
  const more = others.length - nodes.length;
  return `<section>
<h2>Queries are answered from</h2>
<dl>${choices.join("")}</dl>
</section>
<section>
<h2>Other nodes</h2>
<ul>${nodes.join("")}${more > 0 ? `<li>and ${more} more</li>` : ""}</ul>
</section>
`;
}

const schemeOf = (tls: boolean): string => (tls ? "https" : "http");
const urlOf = (tls: boolean, port: number, path = ""): string =>
  `${schemeOf(tls)}://%[var(${HOST})]:${port}${text(path)}`;
/** @param url in log format */
const link = (url: string, label: string): string => `<a href="${url}">${text(label)}</a>`;

/** What HAProxy writes there. Neither text may hold a comma, a bracket or a quote: they are arguments in its grammar. */
const either = (condition: string, yes: string, no: string): string => `%[${condition},iif(${yes},${no})]`;
const whether = (backend: string, up: string, down: string): string => either(`nbsrv(${backend}),bool`, up, down);

function state(backend: string, label = ""): string {
  const word = whether(backend, "up", "down");
  return `<span data-live class="${word}">${label}${word}</span>`;
}

/** Text that is no log format. */
const literal = (plain: string): string => plain.replaceAll("%", "%%");

/** Text that is neither log format nor markup, within and outside of attributes. */
function text(plain: string): string {
  return literal(plain.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`));
}

/** Colours reach 4.5:1 on their ground in both schemes, and none of them says what a word does not. */
const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--raised:#f4f5f7;--line:#d5d9e0;--ink:#1b2028;--soft:#566072;--link:#0b57c2;--up:#116329;--down:#b3261e}
@media (prefers-color-scheme:dark){:root{--ground:#14171c;--raised:#1e232b;--line:#38404c;--ink:#e6e9ee;--soft:#a3adbb;--link:#8ab8ff;--up:#7bd88f;--down:#ff9c94}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:46rem;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:0;font-size:1.75rem;line-height:1.2}
h2{margin:2rem 0 .5rem;font-size:1.1rem}
p{margin:.25rem 0}
a{color:var(--link)}
header p,.note{color:var(--soft)}
.note{font-size:.875rem}
.up{color:var(--up)}
.down{color:var(--down);font-weight:600}
.banner{margin:1rem 0 .5rem;padding:.5rem .75rem;border:1px solid;border-left-width:.4rem;border-radius:.3rem;background:var(--raised);font-weight:400}
ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:0;padding:0;list-style:none}
table{width:100%;border-collapse:collapse}
th,td{padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-size:.875rem;white-space:nowrap}
tbody th{font-weight:400}
tbody th::first-letter{text-transform:uppercase}
td{font-variant-numeric:tabular-nums;white-space:nowrap}
pre{margin:0;padding:.75rem;border:1px solid var(--line);border-radius:.3rem;background:var(--raised);white-space:pre-wrap}
code{font:clamp(.75rem,3.3vw,.875rem)/1.6 ui-monospace,monospace;user-select:all}
dl{margin:0}
dl div{display:flex;gap:.75rem}
dt{min-width:4rem;color:var(--soft)}
dd{margin:0}
`;

/**
 * Brings what is live up to date in place: a page that loads itself again would take away what somebody is just selecting,
 * and would end as the browser's own error page when the node is away for a moment.
 */
const SCRIPT = `
const live = (page) => [...page.querySelectorAll("[data-live]")];
setInterval(async () => {
  if (document.hidden) return;
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const next = live(new DOMParser().parseFromString(await answer.text(), "text/html"));
    const shown = live(document);
    if (next.length !== shown.length) return location.reload();
    shown.forEach((element, index) => element.isEqualNode(next[index]) || element.replaceWith(next[index]));
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}, 5000);
`;

const hashOf = (inline: string): string => `'sha256-${createHash("sha256").update(inline).digest("base64")}'`;

const HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    `style-src ${hashOf(STYLE)}`,
    `script-src ${hashOf(SCRIPT)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};
