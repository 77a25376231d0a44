import type { Database } from './connect.ts';
import { rows, sql } from './sql.ts';

export const isDatabaseUp = (db: Database): Promise<boolean> =>
  db
    .system((em) => rows(em, sql`select 1`))
    .then(
      () => true,
      () => false,
    );

/** Codes of Node's sockets and PostgreSQL (classes 08, 53, 57P) that mean "not now". */
const codes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|08...|53...|57P0.)$/;
/** pg reports a lost connection without a code. */
const words =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error/i;

/** Whether an error, or one of its causes, means that PostgreSQL cannot be reached. */
export function isDatabaseDown(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth += 1) {
    const { code } = one as { code?: unknown };
    if ((typeof code === 'string' && codes.test(code)) || words.test(one.message)) return true;
    if (one instanceof AggregateError && one.errors.some(isDatabaseDown)) return true;
    const previous = (one as { previous?: unknown }).previous;
    if (previous !== one.cause && previous instanceof Error && isDatabaseDown(previous)) return true;
  }
  return false;
}
