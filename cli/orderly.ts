/** What must come to its end before the process may; each says what is done first. */
const underWay = new Set<{ readonly first: string }>();

/** What is done first when the person asks to stop; nothing when the process may end at once. */
export function orderlyEnd(): string | undefined {
  const [work] = underWay;
  return work?.first;
}

/**
 * Runs work that a Ctrl-C must not cut off. It has to listen to the session's `interrupt` itself, and to end soon after.
 * @param first told to a person who asks to stop
 */
export async function inOrder<T>(first: string, work: () => Promise<T>): Promise<T> {
  const entry = { first };
  underWay.add(entry);
  try {
    return await work();
  } finally {
    underWay.delete(entry);
  }
}
