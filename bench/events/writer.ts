import { setTimeout as pause } from 'node:timers/promises';

/** Messages that were committed, by id, and when (`wallMs`). */
export type Committed = Map<string, number>;

/** Transactions at once, and messages of each, while as many as possible are written. */
const load = { atOnce: 4, messages: 50 };

/** Has a program write messages. */
export class Writer {
  readonly #address: string;

  constructor(port: number) {
    this.#address = `http://127.0.0.1:${port}/write`;
  }

  async #write(messages: number, committed: Committed): Promise<void> {
    const answer = await fetch(`${this.#address}?messages=${messages}`, { method: 'POST' });
    if (!answer.ok) throw new Error(`messages could not be written: ${await answer.text()}`);
    const { ids, at } = (await answer.json()) as { ids: string[]; at: number };
    for (const id of ids) committed.set(id, at);
  }

  /** About `messages` of them, as fast as they are taken. */
  async burst(messages: number): Promise<Committed> {
    const committed: Committed = new Map();
    let left = Math.ceil(messages / load.messages);
    const loop = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.#write(load.messages, committed);
      }
    };
    await Promise.all(Array.from({ length: load.atOnce }, loop));
    return committed;
  }

  /** One in each transaction, `rate` a second, for `ms`. */
  async steady(rate: number, ms: number): Promise<Committed> {
    const committed: Committed = new Map();
    const began = performance.now();
    const writing: Promise<void>[] = [];
    for (let n = 0; n < (rate * ms) / 1000; n += 1) {
      const early = began + (n * 1000) / rate - performance.now();
      if (early > 1) await pause(early);
      writing.push(this.#write(1, committed));
    }
    await Promise.all(writing);
    return committed;
  }
}
