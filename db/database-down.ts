import type { Database } from './connect.ts';
import { ShareFullError } from '../platform/shares.ts';
import { rows, sql } from './sql.ts';

export const isDatabaseUp = (db: Database): Promise<boolean> =>
  db
    .authentication((em) => rows(em, sql`select 1`))
    .then(
      () => true,
      () => false,
    );

/** Codes of Node's sockets and PostgreSQL (classes 08, 53, 57P) that mean "not now". */
const codes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|08...|53...|57P0.)$/;
/** pg reports a lost connection without a code. */
const words =
  /connection terminated|timeout (expired|exceeded when trying to connect)|query read timeout|is not queryable/i;

/**
 * Codes that mean "not this, not now": another session's lock (55P03), a statement or transaction that took too long
 * (57014, 25P03, 25P04), and two transactions in each other's way (40001, 40P01).
 */
const busyCodes = /^(55P03|57014|25P0[34]|40001|40P01)$/;

/** Whether an error says that PostgreSQL works, but could not do this now. Nothing of the transaction was kept. */
export const isDatabaseBusy = (error: unknown): boolean =>
  isCausedBy(error, (one) => one instanceof ShareFullError || busyCodes.test(codeOf(one)));

/** Whether an error, or one of its causes, means that PostgreSQL cannot be reached. */
export const isDatabaseDown = (error: unknown): boolean =>
  isCausedBy(error, (one) => codes.test(codeOf(one)) || words.test(one.message));

const codeOf = (error: Error): string => {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** Whether `is` holds for an error or for one of its causes. */
function isCausedBy(error: unknown, is: (one: Error) => boolean): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth += 1) {
    if (is(one)) return true;
    if (one instanceof AggregateError && one.errors.some((inner) => isCausedBy(inner, is))) return true;
    const previous = (one as { previous?: unknown }).previous;
    if (previous !== one.cause && previous instanceof Error && isCausedBy(previous, is)) return true;
  }
  return false;
}
