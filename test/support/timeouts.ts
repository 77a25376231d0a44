import { setTimeout as pause } from 'node:timers/promises';

/** How long a test or a hook may take where it names no time of its own, in milliseconds. */
const usualMs = 60_000;

type Work = (...given: any[]) => unknown;
type Register = (name: any, work: any, ms?: number) => void;

/** Fails when the work takes longer. The runner keeps no time by itself. */
const limited =
  (work: Work, ms = usualMs): Work =>
  async (...given) => {
    const done = new AbortController();
    const late = pause(ms, undefined, { signal: done.signal }).then(
      () => Promise.reject(new Error(`took longer than ${ms} ms`)),
      () => undefined,
    );
    try {
      return await Promise.race([work(...given), late]);
    } finally {
      done.abort();
    }
  };

const limitedTest = (register: Register): Register => {
  const each = (register as any).each;
  const own: Register = (name, work, ms) => register(name, limited(work, ms), ms);
  return Object.assign(own, register, {
    ...(each && {
      each:
        (...table: any[]): Register =>
        (name, work, ms) =>
          each(...table)(name, limited(work, ms), ms),
    }),
  });
};

const all = globalThis as any;
for (const name of ['test', 'it'])
  all[name] = Object.assign(limitedTest(all[name]), { only: limitedTest(all[name].only) });
for (const name of ['beforeAll', 'afterAll', 'beforeEach', 'afterEach']) {
  const register = all[name];
  all[name] = (work: Work, ms?: number): void => register(limited(work, ms), ms);
}
