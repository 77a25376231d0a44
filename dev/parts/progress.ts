/** Reports progress: one line per call. */
export type Say = (line: string) => void;

/** Prints lines to standard output. */
export const sayAloud: Say = (line) => void process.stdout.write(`${line}\n`);

/** Runs a slow step: reports its begin, every ten seconds that it goes on, and how long it took. */
export async function step<T>(say: Say, name: string, run: () => Promise<T>): Promise<T> {
  const began = Date.now();
  const seconds = () => ((Date.now() - began) / 1000).toFixed(1);
  say(`  ${name} …`);
  const ticking = setInterval(() => say(`  ${name}: still working after ${Math.round(Number(seconds()))} s`), 10_000);
  try {
    const result = await run();
    say(`  ${name}: ready (${seconds()} s)`);
    return result;
  } finally {
    clearInterval(ticking);
  }
}
