import type { ServiceName } from "../plan/services";
import { healthRequest } from "./checks";
import type { Section } from "./section";
import { localServer } from "./server";

/** What readiness asks a service; the answer must be 200 and hold `body`. */
export interface ReadinessCheck {
  readonly service: ServiceName;
  readonly port: number;
  readonly path: string;
  readonly body?: string;
}

/** Backend that no traffic goes to: whether its one server is up is whether the own node's service answers. */
export const checkName = (service: ServiceName): string => `be_chk_${service}`;

export function checkBackend({ service, port, path, body }: ReadinessCheck): Section {
  return {
    kind: "backend",
    name: checkName(service),
    from: "base",
    lines: [...healthRequest(path, { body }), localServer({ service, port }, "check")],
  };
}
