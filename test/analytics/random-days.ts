import type { Database, Em } from '../../db/connect.ts';
import { isDatabaseBusy } from '../../db/database-down.ts';
import { deleteMessagesOf } from '../../db/queries/erasures/delete-messages.ts';
import type { Vault } from '../../db/vault.ts';
import type { SeenMessage } from '../../domain/seen-messages.ts';
import { personWithKeys } from '../../domain/seen-messages.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { drawsFrom, type Draws } from '../soak/random.ts';
import { runSql } from '../support/run-sql.ts';

export interface RandomDays {
  db: Database;
  vault: Vault;
  tenantId: string;
  accounts: readonly [string, ...string[]];
  messages: number;
  seed: number | string;
  /** Counts what is marked, while messages are still written. */
  count: () => Promise<void>;
}

type Told = Fact['told'];

/** The clocks of Berlin change in the night before the second day, at 01:00 UTC. */
const firstDay = Date.UTC(2026, 2, 28);
const dayMs = 86_400_000;
const atOnce = 4;
/** A lock: writers do not meet an erasure, which is another test's. */
const erasing = 4_711;
const conversationsOf = (messages: number): number => Math.max(6, Math.ceil(messages / 60));

/**
 * Messages of three days in random order, with what happens to them later: edits, deletions, statuses, messages and
 * conversations that turn out to be the same, two erasures and two changes of the time zone. Several transactions at once.
 */
export async function playRandomDays(days: RandomDays): Promise<{ transactions: number; refused: number }> {
  const draws = drawsFrom(days.seed);
  const facts = draws.shuffled(factsOf(days, draws.fork('facts')));
  const batches: Fact[][] = [];
  for (let at = 0; at < facts.length;) {
    const size = draws.between(1, 25);
    batches.push(facts.slice(at, at + size));
    at += size;
  }
  let refused = 0;
  const inTransaction = async (work: (em: Em) => Promise<unknown>): Promise<void> => {
    for (let tries = 1; ; tries += 1)
      try {
        await days.db.system(work);
        return;
      } catch (error) {
        if (!isDatabaseBusy(error) || tries === 20) throw error;
        refused += 1;
      }
  };
  const turns = batches.entries();
  const between = interludes(days, batches.length, inTransaction);
  const write = async (): Promise<void> => {
    for (const [n, batch] of turns) {
      await inTransaction(async (em) => {
        await runSql(em, `select pg_advisory_xact_lock_shared(${erasing})::text`);
        await applyFacts(em, days.vault, batch, new Date(firstDay + 4 * dayMs));
      });
      await between.get(n)?.();
    }
  };
  let isWriting = true;
  const counting = (async () => {
    while (isWriting) await days.count();
  })();
  const writing = Promise.all(Array.from({ length: atOnce }, write)).finally(() => (isWriting = false));
  const ended = await Promise.allSettled([writing, counting]);
  const failure = ended.find((one) => one.status === 'rejected');
  if (failure) throw failure.reason;
  await days.count();
  return { transactions: batches.length, refused };
}

/** What happens after a batch, by its number. */
function interludes(
  { tenantId, accounts }: RandomDays,
  batches: number,
  inTransaction: (work: (em: Em) => Promise<unknown>) => Promise<void>,
): Map<number, () => Promise<void>> {
  const zone = (name: string) => () =>
    inTransaction((em) => runSql(em, 'update tenants set time_zone = ? where id = ?', [name, tenantId]));
  const erase = (person: number) => async () => {
    for (const id of accounts)
      await inTransaction(async (em) => {
        await runSql(em, `select pg_advisory_xact_lock(${erasing})::text`);
        await deleteMessagesOf(em, id, [{ kind: 'jid', value: personKey(person) }]);
      });
  };
  const at = (share: number): number => Math.floor(batches * share);
  return new Map([
    [at(0.3), zone('America/New_York')],
    [at(0.5), erase(1)],
    [at(0.7), zone('Asia/Kathmandu')],
    [at(0.9), erase(2)],
    [at(0.95), zone('Europe/Berlin')],
  ]);
}

const personKey = (n: number): string => `336399800${String(n).padStart(2, '0')}@s.whatsapp.net`;

function factsOf({ tenantId, accounts, messages }: RandomDays, draws: Draws): Fact[] {
  const facts: Fact[] = [];
  const conversations = conversationsOf(messages);
  const receivedAt = firstDay + 3 * dayMs;
  for (let n = 0; n < messages; n += 1) {
    const accountId = draws.pick(accounts);
    const tell = (told: Told, more: Partial<Fact> = {}): void => {
      facts.push({ accountId, tenantId, teller: 'signed', isLive: draws.chance(0.7), receivedAt, told, ...more });
    };
    const chat = draws.between(0, conversations - 1);
    // Person 1 and 2 write in groups too; their own chats go with them.
    const person = chat % 40;
    const keys = [`M${n}`];
    const direction = draws.chance(0.05) ? null : draws.chance(0.4) ? 'out' : 'in';
    const sentAt = firstDay + draws.between(0, 3 * dayMs - 1);
    const whole = Math.floor(sentAt / 1_000) * 1_000;
    const other = draws.chance(0.5) ? `C${chat}` : `C${chat}-lid`;
    const message: SeenMessage = {
      keys,
      conversationKeys: [other],
      direction,
      sender: direction === 'in' ? personWithKeys([personKey(chat % 3 === 0 ? draws.between(0, 9) : person)]) : null,
      text: `text ${n}`,
      sentAt: whole,
      status: direction === 'out' ? draws.pick(['pending', 'failed', 'sent', 'delivered']) : null,
      deleted: false,
      quotedKey: null,
      attachments: [],
      reactions: [],
      ...(draws.chance(0.03) && { event: 'group_created' as const }),
    };
    const conversation = { keys: [other], kind: chat % 3 === 0 ? ('group' as const) : ('person' as const) };
    tell({ kind: 'message', message, conversation });
    if (draws.chance(0.2))
      tell({ kind: 'effect', messageKeys: keys, effect: { kind: 'edit', text: `edit ${n}`, at: whole + 60_000 } });
    if (draws.chance(0.1))
      tell({ kind: 'effect', messageKeys: keys, effect: { kind: 'delete', at: whole + 90_000, confirmed: true } });
    if (direction === 'out' && draws.chance(0.5))
      tell({
        kind: 'effect',
        messageKeys: keys,
        effect: { kind: 'status', status: 'read', by: null, at: whole + 5_000 },
      });
    if (draws.chance(0.1)) {
      // The same message under another id and, here, an hour later; then something tells that both are one.
      const again = [`N${n}`];
      tell({ kind: 'message', message: { ...message, keys: again, sentAt: whole + 3_600_000 }, conversation });
      tell({ kind: 'message', message: { ...message, keys: [...keys, ...again] }, conversation }, { isLive: false });
    }
  }
  for (let chat = 0; chat < conversations; chat += 1)
    for (const accountId of accounts)
      facts.push({
        accountId,
        tenantId,
        teller: 'signed',
        isLive: true,
        receivedAt,
        told: {
          kind: 'conversation',
          conversation: { keys: [`C${chat}`, `C${chat}-lid`], kind: chat % 3 === 0 ? 'group' : 'person' },
          at: receivedAt,
        },
      });
  return facts;
}
