import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from '../target.ts';
import { newBody } from './bodies.ts';

/** How long a sender waits before it sends again what was not taken, in milliseconds. */
const againMs = 200;
/** How often a message is sent. */
const tries = 300;

/** Sends webhooks over connections that stay open. */
export class Sender {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #headers: Record<string, string>;
  readonly #address: string;
  readonly #accounts: number;
  readonly #stopped: AbortSignal;

  /** `accounts`: to how many of them messages come. */
  constructor({ address, secret }: Target, accounts: number, stopped: AbortSignal) {
    this.#address = address;
    this.#headers = { 'content-type': 'application/json', 'patchbay-webhook-secret': secret };
    this.#accounts = accounts;
    this.#stopped = stopped;
  }

  /** Rejects when the connection fails. */
  #post(body: string): Promise<number> {
    const headers = { ...this.#headers, 'content-length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      request(this.#address, { method: 'POST', agent: this.#agent, headers, timeout: 10_000 })
        .once('response', (response) => {
          response.once('error', reject).once('end', () => resolve(response.statusCode ?? 0));
          response.resume();
        })
        .once('timeout', function (this: { destroy(error: Error): void }) {
          this.destroy(new Error('no answer'));
        })
        .once('error', reject)
        .end(body);
    });
  }

  /** A new message, sent until it is taken, as providers do. Answers its id, and how often it was refused; null when stopped. */
  async send(): Promise<{ id: string; refused: number } | null> {
    const { id, body } = newBody(this.#accounts);
    let status = 0;
    for (let refused = 0; refused < tries && !this.#stopped.aborted; refused += 1) {
      status = await this.#post(body).catch(() => 0);
      if (status === 200) return { id, refused };
      if (status >= 400 && status < 500 && status !== 429) break;
      await pause(againMs);
    }
    if (this.#stopped.aborted) return null;
    throw new Error(`a webhook was not taken by ${this.#address}: ${status || 'no answer'}`);
  }

  /** `atOnce` messages are on their way, each followed by the next, for `ms`. Answers their ids as they are taken. */
  async closedLoop(atOnce: number, ms: number): Promise<{ ids: string[]; seconds: number }> {
    const began = performance.now();
    const ids: string[] = [];
    const loop = async (): Promise<void> => {
      while (performance.now() - began < ms && !this.#stopped.aborted) {
        const sent = await this.send();
        if (sent) ids.push(sent.id);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    return { ids, seconds: (performance.now() - began) / 1000 };
  }

  /** A message each `1/rate` s whatever becomes of the ones before. Answers from the time when each was due, in milliseconds. */
  async openLoop(rate: number, ms: number): Promise<{ latencies: number[]; refused: number }> {
    const began = performance.now();
    const latencies: number[] = [];
    let refused = 0;
    const sending: Promise<void>[] = [];
    for (let n = 0; n < (rate * ms) / 1000 && !this.#stopped.aborted; n += 1) {
      const due = began + (n * 1000) / rate;
      const early = due - performance.now();
      if (early > 1) await pause(early);
      sending.push(
        this.send().then((sent) => {
          latencies.push(performance.now() - due);
          refused += sent?.refused ?? 0;
        }),
      );
    }
    await Promise.all(sending);
    return { latencies: latencies.toSorted((a, b) => a - b), refused };
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Of sorted numbers. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
