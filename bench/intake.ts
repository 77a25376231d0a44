import type { Report } from '../dev/parts/progress.ts';
import { newId } from '../platform/ids.ts';
import { addCrowd } from './crowd.ts';
import { faster, median, type Row } from './row.ts';
import { startBenchStack } from './stack.ts';
import { targetOf, type Target } from './target.ts';

/** An installation that has just begun, and one of some size. */
const few = { accounts: 100, events: 0 };
const many = { accounts: 100_000, events: 500_000 };
/** Webhooks on their way at the same time, and how long one run sends them, in milliseconds. */
const atOnce = 16;
const runMs = 4_000;
/** The rate with many rows is at least this much of the rate with few. */
const goal = 0.9;

/** How many webhooks a second are stored, with few accounts and events and with many, in the same stack. */
export async function intake({ runs }: { runs: number }, report: Report, signal: AbortSignal): Promise<Row[]> {
  const stack = await startBenchStack({ RATE_LIMIT_PER_MINUTE: '1000000' }, report, signal);
  try {
    const target = await targetOf(stack);
    const { rows: tenants } = await stack.admin.query<{ id: string }>('select id from tenants limit 1');
    const rateWith = async (size: typeof few, have: number): Promise<number> => {
      await addCrowd(stack.admin, tenants[0]?.id ?? '', { ...size, have });
      // Warms up, and fills every table: a plan that was made for an empty one, of a foreign key too, would be kept.
      await rateOf(target, size.accounts);
      await stack.admin.query('vacuum (analyze)');
      await stack.admin.query('checkpoint');
      const rates: number[] = [];
      for (let n = 0; n < runs && !signal.aborted; n += 1) rates.push(await rateOf(target, size.accounts));
      report(
        `intake with ${size.accounts} accounts and ${size.events} events: ${rates.map(Math.round).join(', ')} a second`,
      );
      return median(rates);
    };
    const small = await rateWith(few, 0);
    const large = await rateWith(many, few.accounts);
    return [faster('webhooks/s at 100,000 accounts, 500,000 events', large, '100 accounts, 0 events', small, goal)];
  } finally {
    await stack.stop();
  }
}

/**
 * Webhooks a second in one run, each the first message of a conversation of one of a hundred accounts, which are spread over
 * all: otherwise more accounts would mean fewer known conversations, and fewer messages that wait for one of the same
 * account. Throws when one is not taken.
 */
async function rateOf({ address, secret }: Target, accounts: number): Promise<number> {
  const began = performance.now();
  let taken = 0;
  const send = async (): Promise<void> => {
    while (performance.now() - began < runMs) {
      const n = 1 + Math.floor(Math.random() * few.accounts) * (accounts / few.accounts);
      const answer = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'patchbay-webhook-secret': secret },
        body: JSON.stringify({
          event: 'message_received',
          account_id: `crowd-${n}`,
          account_type: 'WHATSAPP',
          chat_id: `chat-${newId()}`,
          message_id: newId(),
          message: 'hello',
          timestamp: new Date().toISOString(),
          is_sender: false,
          sender: { attendee_provider_id: `1555${1_000_000 + n}@s.whatsapp.net` },
        }),
      });
      if (!answer.ok) throw new Error(`a webhook was answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
      taken += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  return taken / ((performance.now() - began) / 1000);
}
