let held = 0;

/**
 * Ctrl-C does not end the process in the middle of this work: it would leave something that a rerun does not mend, such as
 * a store that stands still. `Session.interrupt` fires, and whoever does the work looks at it between two steps.
 */
export async function whileHeld<T>(work: () => Promise<T>): Promise<T> {
  held += 1;
  try {
    return await work();
  } finally {
    held -= 1;
  }
}

/** Whether something must come to its end first. */
export const isHeld = (): boolean => held > 0;
