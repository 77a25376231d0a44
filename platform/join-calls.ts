/**
 * Of the calls of one name that come while one runs, the next one answers all: it begins after each of them came, so that
 * none is answered with what was true before.
 */
export function createJoinedCalls<T>(): (name: string, call: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<unknown>>();
  const next = new Map<string, Promise<T>>();
  return (name, call) => {
    const joined = next.get(name);
    if (joined) return joined;
    const begin = (): Promise<T> => {
      next.delete(name);
      const own = call();
      const ended = own.then(
        () => undefined,
        () => undefined,
      );
      running.set(name, ended);
      void ended.then(() => {
        if (running.get(name) === ended) running.delete(name);
      });
      return own;
    };
    const before = running.get(name);
    if (!before) return begin();
    const after = before.then(begin);
    next.set(name, after);
    return after;
  };
}
