/** Hands on each item while the next one is being made; `next` answers it once it is there. */
export async function* prefetch<T>(items: AsyncIterable<T>): AsyncGenerator<{ item: T; next: () => T | null }> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    let coming = iterator.next();
    for (;;) {
      const now = await coming;
      if (now.done) return;
      let ready: T | null = null;
      coming = iterator.next();
      // Its failure is told when its turn comes.
      coming.then(
        (one) => {
          if (!one.done) ready = one.value;
        },
        () => undefined,
      );
      yield { item: now.value, next: () => ready };
    }
  } finally {
    await iterator.return?.();
  }
}
