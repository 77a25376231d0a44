import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

/** Settings of PostgreSQL by name, as texts. They hold for one transaction. */
export type TransactionSettings = Readonly<Record<string, string>>;

const beginning = new AsyncLocalStorage<string>();

/** Every transaction that `work` begins has these settings, its role among them, from its first statement on. */
export function withTransactionSettings<T>(settings: TransactionSettings, work: () => Promise<T>): Promise<T> {
  const set = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, true)`,
  );
  return beginning.run(`begin; select ${set.join(', ')}`, work);
}

/** The message of pg where an answer did not come within `query_timeout`. */
const unanswered = 'Query read timeout';

/**
 * A pooled connection whose `begin` carries the settings of its transaction, in one round trip. They end with it, so that a
 * pooler may give the server's connection to any client after each transaction.
 */
export class TransactionClient extends pg.Client {
  // Kysely passes a text and its values.
  override query(...args: unknown[]): never {
    const [text] = args;
    const settings = text === 'begin' ? beginning.getStore() : undefined;
    const answer: unknown =
      settings === undefined ? super.query(...(args as [string, unknown[]])) : super.query(settings);
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

  #dropAfter(text: unknown, error: Error): void {
    // The answer may come never: the connection ends, and with it what waits behind.
    if (error.message === unanswered) void this.end();
    // Kysely gives a connection back after a transaction that began and ended: not after these.
    if (text === 'begin' || text === 'rollback') (this as unknown as pg.PoolClient).release(error);
  }
}
