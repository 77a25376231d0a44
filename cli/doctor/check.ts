import { errorMessage } from '../error-message.ts';
import type { Subject } from './subject.ts';

/** What a check found. `of` names what was looked at, where a check looks at several things. */
export interface Finding {
  of?: string;
  outcome: 'PASS' | 'FAIL' | 'SKIP';
  found: string;
  /** Null where nothing needs to be done. */
  toDo: string | null;
}

export const pass = (found: string, of?: string): Finding => ({ of, outcome: 'PASS', found, toDo: null });
export const fail = (found: string, toDo: string, of?: string): Finding => ({ of, outcome: 'FAIL', found, toDo });
export const skip = (found: string, toDo: string | null = null, of?: string): Finding => ({
  of,
  outcome: 'SKIP',
  found,
  toDo,
});

/** One look at the installation. It is passed over when one that it needs did not pass. */
export interface Check {
  name: string;
  needs: readonly string[];
  /** What to do when the look itself fails, by an error or by taking too long. */
  otherwise: string;
  look(subject: Subject, signal: AbortSignal): Promise<Finding[]>;
}

/** One line of the answer. */
export interface Line {
  check: string;
  outcome: Finding['outcome'];
  found: string;
  what_to_do: string | null;
}

/** How long one check may take, in milliseconds. */
const patienceMs = 10_000;

/** Makes every check, those that do not wait for each other at the same time; answers in the order of `checks`. */
export async function examine(checks: readonly Check[], subject: Subject): Promise<Line[]> {
  const looks = new Map<string, Promise<Finding[]>>();
  for (const check of checks) looks.set(check.name, lookWhenReady(check, subject, looks));
  const lines: Line[] = [];
  for (const [name, look] of looks)
    for (const { of, outcome, found, toDo } of await look)
      lines.push({ check: of ? `${name} (${of})` : name, outcome, found, what_to_do: toDo });
  return lines;
}

async function lookWhenReady(
  check: Check,
  subject: Subject,
  looks: ReadonlyMap<string, Promise<Finding[]>>,
): Promise<Finding[]> {
  for (const need of check.needs) {
    const found = (await looks.get(need)) ?? [];
    if (found.some(({ outcome }) => outcome !== 'PASS')) return [skip(`waits for: ${need}`)];
  }
  const signal = AbortSignal.timeout(patienceMs);
  try {
    return await Promise.race([check.look(subject, signal), tooLate(signal)]);
  } catch (error) {
    return [fail(signal.aborted ? `no answer within ${patienceMs / 1000} s` : errorMessage(error), check.otherwise)];
  }
}

const tooLate = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
  });
