import { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { SendProgress } from '../../domain/sends.ts';
import { newId } from '../../platform/ids.ts';
import type {
  HandedOver,
  MessageRef,
  OutgoingMessage,
  SentSearch,
  UnknownSend,
} from '../../providers/contract/messages.ts';
import type { Providers } from '../../providers/provider.ts';
import { installedProviders } from '../../services/boot.ts';
import type { Context } from '../../services/context.ts';
import { drainSends } from '../../services/messages/drain-sends.ts';
import { runSql } from '../support/run-sql.ts';
import { activate, connect, startTestApi, unique, type TestApi } from '../api/support.ts';

/** What the provider does with a call: `lost` takes the message and gives no answer, `cut` neither. */
type Turn = 'ok' | 'lost' | 'cut' | ProviderFailure;

let numbers = 10_000;

/** A message that the provider took. */
interface Taken {
  text: string;
  id: string;
  at: number;
  files: { kind: string; name: string | undefined; type: string; text: string; size: number }[];
}

/** A provider in memory. */
export interface Upstream {
  /** Texts that it took, in order, with their ids. */
  taken: Taken[];
  calls: number;
  /** Edits, deletions and read marks. */
  changes: string[];
  looks: number;
  /** The next calls; `ok` once it is empty. */
  plan: Turn[];
  /** Runs within a call, before it takes effect. */
  during(message: OutgoingMessage): Promise<void>;
  /** Runs before it answers, with the id of what it took. */
  answers(id: string): Promise<void>;
  /** Whether it can be asked which messages it has. */
  keepsList: boolean;
}

/** The API with a provider in memory, and workers that a test runs one step at a time. */
export interface Sending {
  api: TestApi;
  context: Context;
  upstream: Upstream;
  /** A connected account of a tenant, without limits. */
  account(): Promise<{ id: string; tenantId: string }>;
  /** Drains the queue as a fresh worker does. */
  drain(account: { id: string; tenantId: string }, context?: Context): Promise<SendProgress>;
  send(accountId: string, text: string, more?: object): Promise<any>;
  message(id: string): Promise<any>;
  stop(): Promise<void>;
}

const unlimited = {
  textLimit: 65_536,
  captionLimit: 1_024,
  attachments: {
    image: { maxBytes: 1_000_000, types: ['image/png', 'image/jpeg'] },
    document: { maxBytes: 2_000_000 },
    audio: { maxBytes: 1_000_000, types: ['audio/*'], withoutText: true },
  },
  attachmentsPerMessage: 2,
  reply: true,
  react: false,
  edit: { withinMs: 900_000 },
  remove: { withinMs: null },
  typing: null,
  markRead: true,
  receipts: { delivered: true, read: true },
  groups: true,
  startBy: ['phone', 'identity'],
} as const satisfies MessageCapabilities;

export const lostAnswer = (): ProviderFailure =>
  new ProviderFailure('provider_unavailable', 'No answer.', { effect: 'unknown' });

export const createUpstream = (): Upstream => ({
  taken: [],
  calls: 0,
  changes: [],
  looks: 0,
  plan: [],
  during: () => Promise.resolve(),
  answers: () => Promise.resolve(),
  keepsList: true,
});

/** The installed providers, of which WASender's messages go to a provider in memory. */
export function providersWith(upstream: Upstream): Providers {
  const wasender = installedProviders['wasender']!;
  return {
    ...installedProviders,
    wasender: {
      ...wasender,
      messages: {
        capabilities: { whatsapp: unlimited },
        one: () => Promise.resolve(null),
        edit: (_call: unknown, { keys }: MessageRef, text: string) => {
          upstream.changes.push(`edit ${keys[0]}: ${text}`);
          return Promise.resolve();
        },
        remove: (_call: unknown, { keys }: MessageRef) => {
          upstream.changes.push(`remove ${keys[0]}`);
          return Promise.resolve();
        },
        markRead: (_call: unknown, { keys }: MessageRef) => {
          upstream.changes.push(`read ${keys[0]}`);
          return Promise.resolve();
        },
        send: async (call: { now: number }, message: OutgoingMessage) => {
          upstream.calls += 1;
          const turn = upstream.plan.shift() ?? 'ok';
          await upstream.during(message);
          if (turn instanceof ProviderFailure) throw turn;
          if (turn === 'cut') throw lostAnswer();
          const id = `up-${newId()}`;
          const files = await Promise.all(
            (message.attachments ?? []).map(async ({ kind, bytes, fileName: name }) => {
              const { type, size } = bytes;
              return { kind, name, type, size, text: await bytes.text() };
            }),
          );
          upstream.taken.push({ text: message.text ?? '', id, at: call.now, files });
          await upstream.answers(id);
          if (turn === 'lost') throw lostAnswer();
          return { keys: [id], conversationKeys: [] };
        },
        findSent: (
          _call: unknown,
          { text = '', attachments = [] }: HandedOver,
          { since, known }: UnknownSend,
        ): Promise<SentSearch> => {
          upstream.looks += 1;
          if (!upstream.keepsList) return Promise.resolve({ outcome: 'unclear', checkAgainAt: null });
          const sizes = attachments.map(({ bytes }) => bytes.size).join();
          const found = upstream.taken.find(
            (one) =>
              one.text === text &&
              one.files.map(({ size }) => size).join() === sizes &&
              one.at >= since &&
              !known.includes(one.id),
          );
          return Promise.resolve(
            found
              ? {
                  outcome: 'found',
                  message: { keys: [found.id], conversationKeys: [] },
                  status: 'sent',
                  sentAt: found.at,
                }
              : { outcome: 'not_sent' },
          );
        },
      },
    },
  };
}

interface SendingOptions {
  settings?: Record<string, string>;
  /** One that may have messages already. */
  upstream?: Upstream;
  /** In place of the context's own. */
  parts?: Partial<Context>;
}

export async function startSending({
  settings = {},
  upstream = createUpstream(),
  parts = {},
}: SendingOptions = {}): Promise<Sending> {
  const providers = providersWith(upstream);
  const api = await startTestApi(settings, { providers, ...parts });
  const { context, client } = api;
  return {
    api,
    context,
    upstream,
    account: async () => {
      const credentials = { phone_number: `+336399${String((numbers += 1)).padStart(5, '0')}` };
      const { account } = await connect(client, {
        provider: 'wasender',
        channel: 'whatsapp',
        owner: 'maya',
        credentials,
      });
      await activate(api, account.id, `up-${unique()}`);
      return context.db.system(async (em) => {
        const row = await em.findOneOrFail(Account, { id: account.id });
        row.sendLimits = { per_minute: null, per_hour: null, per_day: null, spacing_seconds: null };
        return { id: row.id, tenantId: row.tenantId };
      });
    },
    drain: ({ id, tenantId }, own = context) => {
      const run = newId();
      const ref = { accountId: id, tenantId, now: context.clock.now().getTime() };
      return drainSends(own, ref, { run, id: `${run}/1/1`, signal: new AbortController().signal });
    },
    send: async (accountId, text, more = {}) => {
      const body = { account: accountId, recipients: ['+33639980001'], text, ...more };
      const { status, body: answer } = await client.post('/api/v1/messages', body);
      if (status !== 202) throw new Error(JSON.stringify(answer));
      return answer;
    },
    message: async (id) => {
      const [row] = await context.db.system((em) =>
        runSql<any>(
          em,
          `select m.status, m.text, m.provider_message_id, m.conversation_id, s.state, s.reason, s.tries, s.waits
           from messages m left join (select *, next_try_at as waits from message_sends) s on s.message_id = m.id
           where m.id = ?`,
          [id],
        ),
      );
      return row;
    },
    stop: () => api.stop(),
  };
}

/** A process that is killed: from then on it does nothing any more. */
export class Killed extends Error {}

/** Where a worker is killed: before its mark is committed, after that, while it calls, before its outcome is committed, after that. */
export type KillPoint = 'begin' | 'mark' | 'call' | 'answer' | 'commit';

/** A worker's context, killed at a point of its `after`-th send; `atCall` is to run within the provider's call. */
export function killedAt(
  { context }: Sending,
  point: KillPoint,
  after: number,
): { context: Context; atCall(): Promise<void> } {
  let dead = false;
  let taken = 0;
  let settles = false;
  const die = (): never => {
    dead = true;
    throw new Killed(point);
  };
  const tenant: Context['db']['tenant'] = async (tenantId, work) => {
    if (dead) throw new Killed(point);
    const settling = settles;
    const last = settling && taken === after;
    if (last && point === 'answer') die();
    const answer = await context.db.tenant(tenantId, async (em) => {
      const done = await work(em);
      const isSend = typeof done === 'object' && done !== null && 'kind' in done && done.kind === 'send';
      if (isSend && taken + 1 === after && point === 'begin') die();
      return done;
    });
    if (settling) {
      settles = false;
      if (last && point === 'commit') die();
      return answer;
    }
    const next = answer as { kind?: string } | undefined;
    if (next?.kind === 'look') settles = true;
    if (next?.kind !== 'send') return answer;
    taken += 1;
    settles = true;
    if (taken === after && point === 'mark') die();
    return answer;
  };
  return {
    context: { ...context, db: { ...context.db, tenant } },
    atCall: () => (point === 'call' && taken === after && !dead ? Promise.resolve().then(die) : Promise.resolve()),
  };
}
