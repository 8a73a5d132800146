import type { Trouble } from "../failure";

/** What a repair may meet on its way as well as before it begins. */
export function storeRefuses(signal: string, group: string, what: string): Trouble {
  return {
    code: "repair/store-refuses",
    what: `${signal} of group ${group}: ${plain(what)}`,
    fix: "give the store room or start it, as its answer says; the same command again goes on where it stopped",
  };
}

export function groupUnanswered(signal: string, group: string, what: string): Trouble {
  return {
    code: "repair/group-unanswered",
    what: `group ${group} does not answer for its ${signal}: ${plain(what)}`,
    fix: "see which of its containers is not healthy on its nodes, and start it; then run the command again",
  };
}

/** Stores begin with the address that asked and with the query, which may be long. */
const plain = (text: string): string => text.replace(/remoteAddr: "[^"]*"; requestURI: \S+; /, "").slice(0, 500);
