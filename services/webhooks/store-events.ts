import { createHash } from 'node:crypto';
import type { Em } from '../../db/connect.ts';
import type { WebhookEventState } from '../../db/entities/events.ts';
import { claimKeys, type ClaimedKey } from '../../db/queries/webhooks/claim-keys.ts';
import {
  insertRequest,
  notKept,
  type NewEvent,
  type Repeat,
  type TenantSubject,
} from '../../db/queries/webhooks/insert-request.ts';
import type { KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';
import type { EventRef } from '../../db/queries/webhooks/owed.ts';
import { requestFreeChecks, type CheckOutcome } from '../../db/queries/webhooks/request-checks.ts';
import type { WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { digestSubjects } from '../../db/queries/webhooks/subjects.ts';
import { mayRecur, messageKinds, peopleIn, type ReadRequest, type WebhookEvent } from '../../domain/webhook-events.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Context } from '../context.ts';
import { effectOf, type Effect } from './effect.ts';
import { applyMessageEvents } from './message-events.ts';

/** A request that was read. */
export interface IncomingRequest {
  id: string;
  sender: WebhookSender;
  headers: Record<string, string>;
  receivedAt: Date;
  read: ReadRequest;
  /** False for the events of a request that is stored, and could not be read before. */
  isNew: boolean;
}

/** What is done with the effects of events: `owe` leaves those on messages for later, `skip` lets all of them fail. */
export type EffectMode = 'apply' | 'owe' | 'skip';

/** What became of one event. */
export interface StoredEvent extends EventRef {
  /** For counting: one of few names, whatever the provider sent. */
  label: string;
  state: WebhookEventState | 'duplicate';
  /** Another transaction held what the effect changes: it is still to be applied. */
  owesEffect: boolean;
  /** The account whose workflow must be signalled, once the effect is applied. */
  account: AccountRef | null;
}

/** The kind and the type of a body that could not be read. */
export const unreadable = 'unreadable';

const notReadable = "The body is not one of this provider's events.";
/** Why an event failed whose effect failed. */
export const notApplied = 'Applying it failed. Replay it once that is mended.';

/** Equal events that may recur are one event within this time; later ones are news again. In milliseconds. */
const sameReportMs = 60_000;

/** One of a request's events, with what tells it from others. */
interface Item {
  id: string;
  position: number;
  /** Null for a body that could not be read. */
  event: WebhookEvent | null;
  key: string;
  prior: string | null;
  /** How often the request holds it. */
  times: number;
}

/** An item with the account that it is of, and what its key stands for. */
interface Matched extends Item {
  claimed: ClaimedKey;
  isRepeat: boolean;
  account: KnownAccount | null;
  effect: Effect;
}

/** A matched item with what became of its effect. */
interface Settled extends Matched {
  check: 'none' | 'done' | 'owed' | 'failed';
}

/**
 * Stores the events of a request in the caller's transaction, in three statements however many there are. Whose they are
 * and what becomes of them is known before they are written. `skip`: an effect failed before, and events that want one are
 * stored as failed. System role.
 */
export async function storeEvents(
  context: Context,
  em: Em,
  request: IncomingRequest,
  effects: EffectMode,
): Promise<StoredEvent[]> {
  const now = context.clock.now();
  const items = itemsOf(request, now);
  const matched = await match(em, request, items, now);
  const settled = await settle(em, matched, effects, now);
  if (effects === 'apply')
    await applyMessageEvents(
      context,
      em,
      matched.flatMap(({ event, account, isRepeat }) => (event && account && !isRepeat ? [{ event, account }] : [])),
      request.receivedAt,
    );
  await write(context, em, request, now, settled);
  return settled.flatMap((one) => {
    const signals = one.check === 'done' || (one.check === 'owed' && one.event?.kind === 'account_status');
    const stored: StoredEvent = {
      id: one.claimed.eventId,
      receivedAt: one.claimed.receivedAt,
      label: labelOf(one.event),
      state: one.isRepeat ? 'duplicate' : stateOf(one),
      owesEffect: one.check === 'owed',
      account: signals && one.account ? refOf(one.account) : null,
    };
    const again: StoredEvent = { ...stored, state: 'duplicate', owesEffect: false, account: null };
    return [stored, ...Array.from({ length: one.times - 1 }, () => again)];
  });
}

/** Requests the checks that are wanted, in one statement. */
async function settle(em: Em, matched: readonly Matched[], effects: EffectMode, now: Date): Promise<Settled[]> {
  const wanting = (...which: Effect[]): string[] => [
    ...new Set(matched.flatMap(({ effect, account }) => (account && which.includes(effect) ? [account.id] : []))),
  ];
  const [checked, noted] = [wanting('check'), wanting('check_again', 'note')];
  const onMessages: Settled['check'] = effects === 'skip' ? 'failed' : effects === 'owe' ? 'owed' : 'none';
  const checkless = (one: Matched): Settled['check'] => {
    if (!one.account || one.isRepeat) return 'none';
    if (one.event?.kind === 'contact') return 'owed';
    return isOfMessages(one.event) ? onMessages : 'none';
  };
  if (effects === 'skip')
    return matched.map((one) => ({ ...one, check: wantsCheck(one.effect) ? 'failed' : checkless(one) }));
  if (!checked.length && !noted.length) return matched.map((one) => ({ ...one, check: checkless(one) }));
  const outcome = await requestFreeChecks(em, checked, noted, now);
  return matched.map((one) => ({
    ...one,
    check: one.account && one.effect !== 'none' ? checkOf(one.effect, outcome(one.account.id)) : checkless(one),
  }));
}

const isOfMessages = (event: WebhookEvent | null): boolean => event !== null && messageKinds.includes(event.kind);

const wantsCheck = (effect: Effect): boolean => effect === 'check' || effect === 'check_again';

function checkOf(effect: Effect, outcome: CheckOutcome): Settled['check'] {
  if (effect === 'none' || outcome === 'noted') return 'none';
  if (outcome === 'requested') return 'done';
  // The check that may have asked too early is being stored. What it misses, the account's next check finds.
  return wantsCheck(effect) ? 'owed' : 'none';
}

function stateOf({ event, account, check }: Settled): NewEvent['state'] {
  if (!event || check === 'failed') return 'failed';
  if (!account) return 'unmatched';
  return check === 'owed' ? 'received' : 'processed';
}

const refOf = ({ id, tenantId, channel, provider }: KnownAccount): AccountRef => ({
  accountId: id,
  tenantId,
  channel,
  provider,
});

const labelOf = (event: WebhookEvent | null): string => {
  if (!event) return unreadable;
  return event.kind === 'account_status' ? `account_status.${event.status}` : event.kind;
};

/** The request's events, equal ones once. */
function itemsOf({ read: { body, events } }: IncomingRequest, now: Date): Item[] {
  if (!events?.length) {
    const key = `${unreadable}:${createHash('sha256').update(body).digest('hex')}`;
    return [{ id: newId(), position: 0, event: null, key, prior: null, times: 1 }];
  }
  const items = new Map<string, Item>();
  for (const [position, event] of events.entries()) {
    const known = items.get(event.dedupeKey);
    if (known) known.times += 1;
    else items.set(event.dedupeKey, { id: newId(), position, event, ...keysOf(event, now), times: 1 });
  }
  return [...items.values()];
}

/**
 * Reports of a state carry neither id nor time, and the same one recurs legitimately: "OK" today and "OK" tomorrow, a picture
 * that changes twice. The key therefore names a minute, and one of the minute before still counts as the same while it is young.
 */
function keysOf(event: WebhookEvent, now: Date): Pick<Item, 'key' | 'prior'> {
  const { dedupeKey } = event;
  if (!mayRecur(event)) return { key: dedupeKey, prior: null };
  const minute = Math.floor(now.getTime() / sameReportMs);
  return { key: `${dedupeKey}@${minute}`, prior: `${dedupeKey}@${minute - 1}` };
}

async function match(em: Em, request: IncomingRequest, items: readonly Item[], now: Date): Promise<Matched[]> {
  const { sender, receivedAt } = request;
  const logins = new Set(items.flatMap(({ event }) => event?.providerAccountId ?? []));
  const since = new Date(now.getTime() - sameReportMs);
  const claiming = items.map(({ id, key, prior }) => ({ id, key, prior }));
  const { keys, accounts } = await claimKeys(em, sender, claiming, [...logins], receivedAt, since);
  const claims = new Map(keys.map((one) => [one.key, one]));
  const byLogin = new Map(accounts.map((one) => [one.providerAccountId, one]));
  return items.map((item) => {
    const claimed = claims.get(item.key) ?? claims.get(item.prior ?? '');
    if (!claimed) throw new Error('A key was not claimed.');
    const isRepeat = claimed.eventId !== item.id;
    const account = byLogin.get(item.event?.providerAccountId ?? '') ?? null;
    const effect = item.event && account ? effectOf(item.event, account, isRepeat) : 'none';
    return { ...item, claimed, isRepeat, account, effect };
  });
}

async function write(
  context: Context,
  em: Em,
  request: IncomingRequest,
  now: Date,
  settled: readonly Settled[],
): Promise<void> {
  const { sender, read, receivedAt } = request;
  const tenantOf = ({ account }: Matched): string | null => account?.tenantId ?? sender.tenantId;
  const fresh = settled.filter(({ isRepeat }) => !isRepeat);
  const peopleOf = (one: Matched): TenantSubject[] => {
    const people = one.event?.subjects ?? read.mentions;
    return people === 'too_many' ? [] : people.map((subject) => ({ tenantId: tenantOf(one), subject }));
  };
  const tooMany = peopleIn(read) === 'too_many';
  const events = fresh.map((one): NewEvent => {
    const state = stateOf(one);
    return {
      id: one.id,
      position: one.position,
      tenantId: tenantOf(one),
      accountId: one.account?.id ?? null,
      providerAccountId: one.event ? one.event.providerAccountId : sender.providerAccountId,
      kind: one.event?.kind ?? unreadable,
      type: one.event?.type ?? unreadable,
      dedupeKey: one.claimed.key,
      // Without a body there is nothing to replay.
      state: tooMany && state === 'failed' ? 'processed' : state,
      error: tooMany ? notKept.tooMany : errorOf(one, state),
      deliveries: one.times,
      owesSignal: one.check === 'done',
    };
  });
  const repeats = settled.flatMap((one): Repeat[] =>
    one.isRepeat && request.isNew
      ? [
          {
            id: one.claimed.eventId,
            receivedAt: one.claimed.receivedAt,
            times: one.times,
            owesSignal: one.check === 'done',
            owesEffect: one.check === 'owed',
          },
        ]
      : [],
  );
  const tenants = new Set(events.map(({ tenantId }) => tenantId));
  const owner = tenants.size === 1 ? ([...tenants][0] ?? null) : null;
  const isKept = request.isNew && fresh.length > 0 && !tooMany;
  const keys = isKept ? await context.vault.keysOf(em, owner) : null;
  await insertRequest(
    em,
    {
      id: request.id,
      tenantId: owner,
      credentialsId: sender.credentialsId,
      provider: sender.provider,
      state: read.events?.length ? 'read' : 'unreadable',
      error: tooMany ? notKept.tooMany : null,
      body: keys?.seal(read.body, sealed.webhookBody(request.id)) ?? null,
      headers: request.headers,
    },
    { receivedAt, processedAt: now, isNew: request.isNew },
    events,
    tooMany || !request.isNew ? [] : await digestSubjects(em, context.vault, fresh.flatMap(peopleOf)),
    repeats,
  );
}

const errorOf = ({ event }: Matched, state: NewEvent['state']): string | null => {
  if (state !== 'failed') return null;
  return event ? notApplied : notReadable;
};
