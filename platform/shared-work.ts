/** Work under names, such as the fetch of a file. */
export interface SharedWork {
  /**
   * Begins the work, or joins what is under way under the name, or failed under it a moment ago. Null where too much is under
   * way. The work goes on where its caller stops waiting.
   */
  run(name: string, work: () => Promise<void>): Promise<void> | null;
}

/** Failures that are remembered at once. */
const mostFailures = 1_000;

/** At most `most` pieces of work at once. What failed is not begun again for `restMs`. */
export function createSharedWork(most: number, restMs: number): SharedWork {
  const underWay = new Map<string, Promise<void>>();
  const failed = new Map<string, Promise<void>>();
  const rest = (name: string, work: Promise<void>): void => {
    if (failed.size >= mostFailures) return;
    failed.set(name, work);
    setTimeout(() => failed.delete(name), restMs).unref();
  };
  return {
    run: (name, work) => {
      const known = underWay.get(name) ?? failed.get(name);
      if (known) return known;
      if (underWay.size >= most) return null;
      const begun = work().finally(() => underWay.delete(name));
      begun.catch(() => rest(name, begun));
      underWay.set(name, begun);
      return begun;
    },
  };
}
