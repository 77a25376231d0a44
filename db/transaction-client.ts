import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { preparedName } from './prepared-statements.ts';

/** Settings of PostgreSQL by name, as texts. They hold for one transaction. */
export type TransactionSettings = Readonly<Record<string, string>>;

const beginning = new AsyncLocalStorage<{ statement: string; prepares: boolean }>();

/**
 * Every transaction that `work` begins has these settings, its role among them, from its first statement on. `prepares`: what
 * `prepared` marks is planned once for a connection.
 */
export function withTransactionSettings<T>(
  settings: TransactionSettings,
  prepares: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const set = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, true)`,
  );
  const statement = `begin; select pg_backend_pid() as pid, ${set.join(', ')}`;
  return beginning.run({ statement, prepares }, work);
}

/** What `begin` answers before PostgreSQL does. */
const nothing = { rows: [], rowCount: 0, fields: [], command: 'BEGIN' };

/** The message of pg where an answer did not come within `query_timeout`. */
const unanswered = 'Query read timeout';

/**
 * A pooled connection whose `begin` carries the settings of its transaction, in one round trip. They end with it, so that a
 * pooler may give the server's connection to any client after each transaction. From the second transaction on the first
 * statement is sent together with `begin`, and fails as `begin` does.
 */
export class TransactionClient extends pg.Client {
  /** Whether the server's process was this connection's own each time; null before the first transaction. */
  #isDirect: boolean | null = null;
  #prepares = false;
  /** Of a `begin` that may not have been answered yet. */
  #begun: Promise<unknown> | null = null;

  /** What is asked is sent at once, whatever is not answered yet. Of pg; a copy of its settings would lack the password. */
  override pipeline = true;

  // Kysely passes a text and its values.
  override query(...args: unknown[]): never {
    const [text] = args;
    const settings = text === 'begin' ? beginning.getStore() : undefined;
    const answer: unknown =
      settings === undefined
        ? this.#ask(args as [string, unknown[]])
        : this.#begin(super.query(settings.statement), settings.prepares);
    const watched =
      answer instanceof Promise
        ? answer.catch((error: Error) => {
            this.#dropAfter(text, error);
            throw error;
          })
        : answer;
    // The overloads of pg have no type of their result in common.
    return watched as never;
  }

  #ask(args: [string, unknown[]]): unknown {
    const [text, values] = args;
    const name = this.#prepares && typeof text === 'string' ? preparedName(text) : null;
    const answer: unknown = name === null ? super.query(...args) : super.query({ name, text, values });
    const begun = this.#begun;
    if (!begun || !(answer instanceof Promise)) return answer;
    this.#begun = null;
    // What `begin` failed of says more than what comes of it.
    answer.catch(() => {});
    return begun.then(() => answer as Promise<unknown>);
  }

  #begin(answers: Promise<unknown>, prepares: boolean): Promise<unknown> {
    const begun = answers.then((results) => {
      const [, settings] = results as pg.QueryResult<{ pid: number }>[];
      // A pooler of transactions told another process: the next transaction may be another one's, which knows no name.
      const isOwn = settings?.rows[0]?.pid === (this as unknown as { processID: number }).processID;
      this.#isDirect = this.#isDirect !== false && isOwn;
      this.#prepares = prepares && this.#isDirect;
      return settings;
    });
    if (this.#isDirect === null) return begun;
    begun.catch(() => {});
    this.#begun = begun;
    return Promise.resolve(nothing);
  }

  #dropAfter(text: unknown, error: Error): void {
    // The answer may come never: the connection ends, and with it what waits behind.
    if (error.message === unanswered) void this.end();
    // Kysely gives a connection back after a transaction that began and ended: not after these.
    if (text === 'begin' || text === 'rollback') (this as unknown as pg.PoolClient).release(error);
  }
}
