import { encodeBase64, hashSync } from "bcryptjs";

/** bcrypt reads no more than 72 bytes; a longer password would be two passwords. */
export const PASSWORD_MAX_BYTES = 72;
export const PASSWORD_MIN_CHARACTERS = 12;

/**
 * HAProxy hashes on the thread that also moves the traffic, at every request with a login: cost 5 is 2 ms, 10 would be
 * 60 ms. The floor on the length makes up for it.
 */
const COST = "05";

/**
 * The bcrypt hash that HAProxy's `user … password` takes. The salt comes from the fleet's name and not from chance:
 * every synthesis must give the same text, or each plan would change the balancer.
 */
export function hashPassword(password: string, fleet: string): string {
  const salt = Array.from({ length: 16 }, (_, i) => fleet.charCodeAt(i % fleet.length) ^ i);
  return hashSync(password, `$2b$${COST}$${encodeBase64(salt, 16)}`);
}
