/** One line of progress. */
export type Report = (line: string) => void;

export const reportToStdout: Report = (line) => void process.stdout.write(`${line}\n`);

/** Reports a slow step's begin, its duration every ten seconds, and its end. */
export async function step<T>(report: Report, name: string, run: () => Promise<T>): Promise<T> {
  const began = Date.now();
  const seconds = () => ((Date.now() - began) / 1000).toFixed(1);
  report(`  ${name} …`);
  const ticking = setInterval(
    () => report(`  ${name}: still working after ${Math.round(Number(seconds()))} s`),
    10_000,
  );
  try {
    const result = await run();
    report(`  ${name}: ready (${seconds()} s)`);
    return result;
  } finally {
    clearInterval(ticking);
  }
}
