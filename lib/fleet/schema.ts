import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { validateImageOverrides } from "../images/overrides";
import { ACCESS_POINT_NAMES } from "../plan/ports";
import { SERVICE_NAMES } from "../plan/services";
import type { Problem, ProblemCode } from "../problem";
import type { FleetDefinition } from "./definition";
import { parseMebibytes, parseRetentionDays, retentionHint } from "./quantity";

type Explain = (value: string) => string;

/** A text that must pass `check`; the problem it otherwise is stands beside the rule. */
function text(check: (value: string) => boolean, code: ProblemCode, what: Explain, fix: Explain) {
  return z.string().superRefine((value, context) => {
    if (!check(value)) context.addIssue({ code: "custom", message: what(value), params: { code, fix: fix(value) } });
  });
}

function whole(from: number, to: number, unit: string, code: ProblemCode = "fleet/value-invalid") {
  return z.number().superRefine((value, context) => {
    if (Number.isInteger(value) && value >= from && value <= to) return;
    const fix = `write a whole number of ${unit} from ${from} to ${to}`;
    context.addIssue({ code: "custom", message: `${value} is out of range`, params: { code, fix } });
  });
}

/** What JSON.stringify shows is safe to print: control characters and quotes come out escaped. */
const quote = JSON.stringify;
const PLAIN = /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u;
/** Terraform composes every text it reads (Unicode NFC), and a file's decomposed name would be another one then. */
const isComposed = (value: string): boolean => value === value.normalize("NFC");

const label = text(
  (value) => /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(value),
  "fleet/name-invalid",
  (value) => `${quote(value)} is no DNS label`,
  () => "write 1 to 40 lower-case letters, digits and inner hyphens",
);
const address = text(
  (value) => z.ipv4().safeParse(value).success && value !== "0.0.0.0" && value !== "255.255.255.255",
  "fleet/address-invalid",
  (value) => `${quote(value)} is no IPv4 address of a host`,
  (value) =>
    value === "0.0.0.0"
      ? "name the node's own address; listenOnAllAddresses: true publishes on all"
      : 'write it as "10.0.0.11"',
);
const hostName = text(
  (value) => /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(value),
  "fleet/address-invalid",
  (value) => `${quote(value)} is no host name or IPv4 address`,
  () => 'write it as "docker.example.org" or "10.0.0.11"',
);
const path = text(
  (value) => PLAIN.test(value) && isComposed(value) && value.length <= 1024,
  "fleet/path-invalid",
  (value) => `${quote(value)} is no usable path`,
  () => "write a path without line breaks, control characters or decomposed letters (Unicode NFD)",
);
/** Terraform and ssh run in another folder than the program, so a relative path would mean another file. */
const absolutePath = path.superRefine((value, context) => {
  if (value.startsWith("/")) return;
  const params = { code: "fleet/path-invalid", fix: "write the absolute path" };
  context.addIssue({ code: "custom", message: `${quote(value)} is a relative path`, params });
});
const hostFolder = text(
  (value) => /^\/[^\p{Cc}:,]+$/u.test(value) && isComposed(value) && !value.split("/").includes(".."),
  "fleet/path-invalid",
  (value) => `${quote(value)} is no absolute folder on a Docker host`,
  () => "write an absolute path without ':', ',', '..', control characters or decomposed letters (Unicode NFD)",
);
const retention = text(
  (value) => parseRetentionDays(value) !== undefined,
  "fleet/retention-invalid",
  (value) => `retention ${quote(value)} cannot be used`,
  retentionHint,
);
const size = text(
  (value) => parseMebibytes(value) !== undefined,
  "fleet/memory-invalid",
  (value) => `size ${quote(value)} cannot be used`,
  () => 'write a whole number with MiB, GiB or TiB: "512MiB", "2GiB"',
);
const batchSize = text(
  (value) => (parseMebibytes(value) ?? 17) <= 16,
  "fleet/memory-invalid",
  (value) => `batch size ${quote(value)} cannot be used`,
  () => 'write whole MiB up to "16MiB": a larger batch may be refused by the store it is for',
);
const metricName = text(
  (value) => /^[A-Za-z][A-Za-z0-9_.-]{0,254}$/.test(value),
  "fleet/text-unsafe",
  (value) => `${quote(value)} is no OTLP metric name`,
  () => 'write letters, digits, "_", "." and "-", beginning with a letter',
);
const user = text(
  (value) => /^[A-Za-z0-9_.-]{1,64}$/.test(value),
  "fleet/text-unsafe",
  (value) => `user ${quote(value)} cannot be used`,
  () => 'write letters, digits, "_", "." and "-"',
);
const word = text(
  (value) => /^[A-Za-z0-9_.-]{1,128}$/.test(value),
  "fleet/text-unsafe",
  (value) => `${quote(value)} is no plain name`,
  () => 'write letters, digits, "_", "." and "-"',
);
const setting = text(
  isComposed,
  "fleet/text-unsafe",
  (value) => `${quote(value)} holds decomposed letters, which Terraform would compose`,
  () => "write it in Unicode NFC",
);
const port = whole(1, 65_535, "a TCP port", "fleet/port-invalid");

const perSignal = <T extends z.ZodType>(value: T) =>
  z.strictObject({ metrics: value.optional(), logs: value.optional(), traces: value.optional() });

const docker = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("unix"), socket: hostFolder.optional() }),
  z.strictObject({
    kind: z.literal("ssh"),
    host: hostName,
    user: user.optional(),
    port: port.optional(),
    identityFile: absolutePath.optional(),
    knownHostsFile: absolutePath.optional(),
  }),
  z.strictObject({ kind: z.literal("tcp"), host: hostName, port: port.optional(), certificatePath: absolutePath }),
  z.strictObject({ kind: z.literal("context"), name: word }),
]);

const node = z.strictObject({ name: label, address, docker: docker.optional(), pulls: z.boolean().optional() });

const limit = z.strictObject({
  memory: size.optional(),
  cpus: z
    .number()
    .superRefine((value, context) => {
      // The provider reads back the shortest decimal; 0.1 + 0.2 would replace the container at every apply.
      if (value >= 0.05 && value <= 512 && Math.round(value * 100) / 100 === value) return;
      context.addIssue({
        code: "custom",
        message: `${value} cores`,
        params: { fix: "write cores from 0.05 to 512 with at most two decimals, such as 0.5" },
      });
    })
    .optional(),
});

const haproxy = z.strictObject({
  algorithm: z.enum(["roundrobin", "leastconn", "random", "source", "first"]).optional(),
  checkIntervalSeconds: whole(1, 10, "seconds").optional(),
  drainSeconds: whole(1, 600, "seconds").optional(),
  stats: z
    .strictObject({ user: user.optional(), passwordFile: path.optional(), passwordEnvFile: path.optional() })
    .optional(),
  tls: z.strictObject({ certificatePath: path, keyPath: path.optional() }).optional(),
});

const images = z.unknown().superRefine((value, context) => {
  for (const { code, what, where, fix } of validateImageOverrides(value, "")) {
    const issuePath = where.split(".").filter((part) => part !== "");
    context.addIssue({ code: "custom", message: what, path: issuePath, params: { code, fix } });
  }
});

const fleetSchema = z.strictObject({
  name: label.optional(),
  nodes: z.array(node).min(1).max(100).optional(),
  listenOnAllAddresses: z.boolean().optional(),
  retention: perSignal(retention).optional(),
  storagePaths: perSignal(hostFolder).optional(),
  layouts: perSignal(z.enum(["cluster", "single"])).optional(),
  ports: z.strictObject(Object.fromEntries(ACCESS_POINT_NAMES.map((name) => [name, port.optional()]))).optional(),
  haproxy: haproxy.optional(),
  limits: z.strictObject(Object.fromEntries(SERVICE_NAMES.map((name) => [name, limit.optional()]))).optional(),
  batch: z
    .strictObject({
      minSize: batchSize.optional(),
      maxSize: batchSize.optional(),
      flushMilliseconds: whole(10, 10_000, "milliseconds").optional(),
    })
    .optional(),
  queue: z.strictObject({ size: size.optional(), fsync: z.boolean().optional() }).optional(),
  minFreeDisk: size.optional(),
  logLevel: z.enum(["debug", "info", "warn", "error"]).optional(),
  anomaly: z.strictObject({ metrics: z.array(metricName).max(32).optional() }).optional(),
  mesh: z.strictObject({ port: port.optional(), certificates: path.optional() }).optional(),
  images: images.optional(),
  backend: z
    .strictObject({ type: word, config: z.record(z.string(), z.union([setting, z.number(), z.boolean()])) })
    .optional(),
});

// The types that people read and the schema that checks must not drift apart: this line stops compiling when they do.
type KeysAgree = [keyof FleetDefinition] extends [keyof z.input<typeof fleetSchema>]
  ? [keyof z.input<typeof fleetSchema>] extends [keyof FleetDefinition]
    ? true
    : never
  : never;
const keysAgree: KeysAgree = true;
void keysAgree;

/** Shape and single values of a definition; what several values mean together is `validateFleet`'s part. */
export function validateShape(definition: unknown): readonly Problem[] {
  const result = fleetSchema.safeParse(definition);
  if (result.success) return [];
  const misspelt = result.error.issues.flatMap((issue) => misspeltPaths(issue, definition));
  return result.error.issues
    .filter((issue) => !misspelt.includes(formatPath(issue.path)))
    .flatMap((issue) => toProblems(issue, definition));
}

/** Keys that are there under a wrong name: that they are missing as well is no second problem. */
function misspeltPaths(issue: Issue, definition: unknown): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [];
  const known = knownKeys(issue.path, definition);
  const meant = issue.keys.flatMap((key) => (known.length > 0 ? [closest(key, known)] : []));
  return meant
    .filter((key) => valueAt(definition, [...issue.path, key]) === undefined)
    .map((key) => formatPath([...issue.path, key]));
}

type Issue = z.core.$ZodIssue;

function toProblems(issue: Issue, definition: unknown): Problem[] {
  const where = formatPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path, definition);
    return issue.keys.map((key) => ({
      code: "fleet/unknown-key",
      what: `unknown key ${quote(key)}`,
      where: `${where}.${key}`,
      fix: known.length > 0 ? `did you mean "${closest(key, known)}"? allowed: ${known.join(", ")}` : "remove it",
    }));
  }
  if (issue.code === "custom") {
    const { code = "fleet/value-invalid", fix = "" } = (issue.params ?? {}) as { code?: ProblemCode; fix?: string };
    return [{ code, what: issue.message, where, fix }];
  }
  if (issue.code === "too_small" && issue.path.join() === "nodes") {
    return [
      {
        code: "fleet/no-nodes",
        what: "the fleet has no nodes",
        where,
        fix: 'add one: nodes: [{ name: "node1", address: "10.0.0.11" }]',
      },
    ];
  }
  const value = valueAt(definition, issue.path);
  const shown = value === undefined ? "nothing" : (quote(value) ?? String(value)).slice(0, 80);
  const code = codeFor(issue.path);
  return [{ code, what: `found ${shown}`, where, fix: EXAMPLES[code] ?? expectation(issue) }];
}

/** What a value of another type should have been, where an example says more than the type. */
const EXAMPLES: { readonly [code in ProblemCode]?: string } = {
  "fleet/address-invalid": 'write it as "10.0.0.11"',
  "fleet/name-invalid": 'write it as "node1"',
  "fleet/memory-invalid": 'write it as "512MiB"',
  "fleet/retention-invalid": 'write it as "30d", "4w" or "1y"',
};

function expectation(issue: Issue): string {
  if (issue.code === "invalid_type") return `write a value of type ${issue.expected}`;
  if (issue.code === "invalid_value") return `write one of ${issue.values.map((value) => quote(value)).join(", ")}`;
  if (issue.code === "invalid_union") return 'give "kind" one of "unix", "ssh", "tcp", "context"';
  if (issue.code === "too_big") return `at most ${issue.maximum} are allowed`;
  return issue.message;
}

/** The nearest code for a wrong type, by where it stands. */
function codeFor(issuePath: readonly PropertyKey[]): ProblemCode {
  const [first, , third] = issuePath;
  if (first === "ports") return "fleet/port-invalid";
  if (first === "retention") return "fleet/retention-invalid";
  if (first === "limits" && third === "memory") return "fleet/memory-invalid";
  if (first === "nodes" && third === "name") return "fleet/name-invalid";
  if (first === "nodes" && third === "address") return "fleet/address-invalid";
  return "fleet/value-invalid";
}

function formatPath(issuePath: readonly PropertyKey[]): string {
  return issuePath.reduce<string>(
    (shown, part) => (typeof part === "number" ? `${shown}[${part}]` : `${shown}.${String(part)}`),
    "fleet",
  );
}

function valueAt(value: unknown, issuePath: readonly PropertyKey[]): unknown {
  return issuePath.reduce<unknown>(
    (at, part) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined),
    value,
  );
}

/** The keys that an object of the schema allows, found by walking the schema along the issue's path. */
function knownKeys(issuePath: readonly PropertyKey[], definition: unknown): string[] {
  let schema: unknown = fleetSchema;
  issuePath.forEach((part, index) => {
    const at = unwrap(schema);
    if (at instanceof z.ZodArray) schema = at.element;
    else if (at instanceof z.ZodObject) schema = at.shape[String(part)];
    if (unwrap(schema) instanceof z.ZodDiscriminatedUnion) {
      const kind = (valueAt(definition, issuePath.slice(0, index + 1)) as { kind?: unknown }).kind;
      schema = docker.options.find((option) => option.shape.kind.value === kind);
    }
  });
  const at = unwrap(schema);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
}
