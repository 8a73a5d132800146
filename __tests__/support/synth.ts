import { DockerProvider } from "@cdktf/provider-docker/lib/provider";
import { App, TerraformStack, Testing } from "cdktf";
import { NodeStack } from "../../constructs/node-stack";
import type { NodePlan } from "../../lib";

/** One resource as Terraform reads it: a container, an image, a network, a volume. */
export type Resource = Readonly<Record<string, unknown>>;
export interface SynthesizedStack {
  readonly terraform: Readonly<Record<string, unknown>>;
  readonly provider?: Readonly<Record<string, readonly Resource[]>>;
  readonly resource: Readonly<Record<string, Readonly<Record<string, Resource>>>>;
}

/** What Terraform would be given. Prepares the stack and runs its validations, which `Testing.synth` alone does not. */
export function synthesize(stack: TerraformStack): SynthesizedStack {
  stack.prepareStack();
  return JSON.parse(Testing.synth(stack, true)) as SynthesizedStack;
}

/** A stack as somebody else's program would have it: its own provider, no backend, cdktf's own ids. */
export function synthStack(build: (stack: TerraformStack) => void): SynthesizedStack {
  const stack = new TerraformStack(new App(), "outside");
  new DockerProvider(stack, "docker");
  build(stack);
  return synthesize(stack);
}

export function synthNode(plan: NodePlan, stateFolder = "/state"): SynthesizedStack {
  return synthesize(new NodeStack(new App(), plan.name, { plan, stateFolder }));
}

export function resourcesOf(stack: SynthesizedStack, type: string): Readonly<Record<string, Resource>> {
  return stack.resource[type] ?? {};
}

export function containersOf(stack: SynthesizedStack): readonly (readonly [string, Resource])[] {
  return Object.entries(resourcesOf(stack, "docker_container"));
}

export function containerOf(stack: SynthesizedStack, name: string): Resource {
  const container = resourcesOf(stack, "docker_container")[name];
  if (container === undefined) throw new Error(`no docker_container.${name}`);
  return container;
}

export function addressesOf(stack: SynthesizedStack): readonly string[] {
  return Object.entries(stack.resource)
    .flatMap(([type, resources]) => Object.keys(resources).map((name) => `${type}.${name}`))
    .sort();
}

/** JSON for a file snapshot: a text of several lines is a list of lines, so that a changed line shows as one. */
export function readable(value: unknown): string {
  return `${JSON.stringify(value, (_, inner) => (typeof inner === "string" && inner.includes("\n") ? inner.split("\n") : inner), 2)}\n`;
}

/** Every text anywhere in a value, keys included. */
export function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}

/** A text as Terraform passes it on; fails where it would be evaluated instead. References to our own resources aside. */
export function afterTerraform(text: string): string {
  if (/^\$\{docker_[\w.-]+\}$/.test(text)) return text;
  const bare = text.replaceAll("$${", "").replaceAll("%%{", "");
  if (/[$%]\{/.test(bare)) throw new Error(`Terraform would evaluate ${JSON.stringify(text)}`);
  return text.replaceAll("$${", "${").replaceAll("%%{", "%{");
}
