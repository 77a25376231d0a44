import { createHash } from 'node:crypto';
import type { Em } from '../../db/connect.ts';
import type { WebhookEventState } from '../../db/entities/events.ts';
import { claimKeys, type ClaimedKey } from '../../db/queries/webhooks/claim-keys.ts';
import {
  insertRequests,
  notKept,
  type NewEvent,
  type NewRequest,
  type Repeat,
  type TenantSubject,
} from '../../db/queries/webhooks/insert-requests.ts';
import { byAccount } from './group-events.ts';
import type { AskedLogin, KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';
import type { EventRef } from '../../db/queries/webhooks/owed.ts';
import { checkSoon, requestFreeChecks, type CheckOutcome } from '../../db/queries/webhooks/request-checks.ts';
import type { WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { digestSubjects } from '../../db/queries/webhooks/subjects.ts';
import { mayRecur, messageKinds, peopleIn, type ReadRequest, type WebhookEvent } from '../../domain/webhook-events.ts';
import { sealed } from '../../db/sealed.ts';
import type { Parts } from '../../db/sql.ts';
import { newId } from '../../platform/ids.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Context } from '../context.ts';
import { wrongSecret } from './proof.ts';
import { effectOf, refreshesDetails, type Effect } from './effect.ts';
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
  /** The place of the one event that is stored; all are where it is left out. */
  only?: number;
}

/** What is done with the effects of events: `owe` leaves those on messages for later, `skip` lets all of them fail. */
export type EffectMode = 'apply' | 'owe' | 'skip';

/** What became of one event. */
export interface StoredEvent extends EventRef {
  /** For counting: one of few names, whatever the provider sent. */
  label: string;
  /** Null where it is not known. */
  tenantId: string | null;
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
  request: IncomingRequest;
  id: string;
  position: number;
  /** Null for a body that could not be read. */
  event: WebhookEvent | null;
  /** The upstream login whose event it is. */
  login: string | null;
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

const nameOf = (credentialsId: string, name: string): string => `${credentialsId} ${name}`;

/** What tells the events of a request from others, of any request: two with one name in common are not stored at once. */
export const eventNames = ({ sender, read }: Pick<IncomingRequest, 'sender' | 'read'>): string[] =>
  (read.events?.length ? read.events.map(({ dedupeKey }) => dedupeKey) : [unreadableKey(read.body)]).map((key) =>
    nameOf(sender.credentialsId, key),
  );

/**
 * Stores the events of requests in the caller's transaction, in as many statements however many there are. Whose they are
 * and what becomes of them is known before they are written. `skip`: an effect failed before, and events that want one are
 * stored as failed. No two requests have one of `eventNames` in common. Answers the events of each request; throws
 * `unauthorized` where a sender's secret was taken back since it was looked up. System role.
 */
export async function storeRequests(
  context: Context,
  em: Em,
  requests: readonly IncomingRequest[],
  effects: EffectMode,
): Promise<StoredEvent[][]> {
  const now = context.clock.now();
  const items = requests.flatMap((request) => itemsOf(request, now));
  const matched = await match(em, items, now);
  const settled = await settle(em, matched, effects, now);
  const parts = await requestParts(context, em, requests, now, settled);
  const applied = matched.flatMap(({ request: { receivedAt }, event, account, isRepeat }) =>
    effects === 'apply' && event && account && !isRepeat ? [{ event, account, receivedAt }] : [],
  );
  await applyMessageEvents(context, em, applied, parts);
  return requests.map((request) => settled.filter((one) => one.request === request).flatMap(storedOf));
}

function storedOf(one: Settled): StoredEvent[] {
  const signals = one.check === 'done' || (one.check === 'owed' && one.event?.kind === 'account_status');
  const stored: StoredEvent = {
    id: one.claimed.eventId,
    receivedAt: one.claimed.receivedAt,
    label: labelOf(one.event),
    tenantId: one.account?.tenantId ?? one.request.sender.tenantId,
    state: one.isRepeat ? 'duplicate' : stateOf(one),
    owesEffect: one.check === 'owed',
    account: signals && one.account ? refOf(one.account) : null,
  };
  const again: StoredEvent = { ...stored, state: 'duplicate', owesEffect: false, account: null };
  return [stored, ...Array.from({ length: one.times - 1 }, () => again)];
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
  const refreshed = matched.flatMap(({ effect, event, account }) =>
    effect === 'none' && event && account && refreshesDetails(event, account) ? [account.id] : [],
  );
  if (refreshed.length) await checkSoon(em, [...new Set(refreshed)], now);
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
  if (!event || event.kind === unreadable || check === 'failed') return 'failed';
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

const unreadableKey = (body: string): string => `${unreadable}:${createHash('sha256').update(body).digest('hex')}`;

/** The request's events, equal ones once. */
function itemsOf(request: IncomingRequest, now: Date): Item[] {
  const { body, events } = request.read;
  if (!events?.length)
    return [
      { request, id: newId(), position: 0, event: null, login: null, key: unreadableKey(body), prior: null, times: 1 },
    ];
  const items = new Map<string, Item>();
  for (const [position, event] of events.entries()) {
    if (position !== (request.only ?? position)) continue;
    const known = items.get(event.dedupeKey);
    const { providerAccountId: login } = event;
    if (known) known.times += 1;
    else items.set(event.dedupeKey, { request, id: newId(), position, event, login, ...keysOf(event, now), times: 1 });
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

async function match(em: Em, received: readonly Item[], now: Date): Promise<Matched[]> {
  const items = await byAccount(em, received);
  const logins = new Map<string, AskedLogin>();
  for (const { request, login: providerAccountId } of items) {
    const { credentialsId } = request.sender;
    if (providerAccountId !== null)
      logins.set(nameOf(credentialsId, providerAccountId), { credentialsId, providerAccountId });
  }
  const since = new Date(now.getTime() - sameReportMs);
  const claiming = items.map(({ request: { sender, receivedAt }, id, key, prior }) => {
    const { credentialsId, tenantId } = sender;
    return { id, credentialsId, tenantId, key, prior, receivedAt };
  });
  const senders = items.map(({ request }) => request.sender);
  const { keys, accounts, isProven } = await claimKeys(em, claiming, [...logins.values()], since, senders);
  if (!isProven) throw wrongSecret();
  const claims = new Map(keys.map((one) => [nameOf(one.credentialsId, one.key), one]));
  const byLogin = new Map(accounts.map((one) => [nameOf(one.credentialsId, one.providerAccountId), one]));
  return items.map((item) => {
    const { credentialsId } = item.request.sender;
    const claimed = claims.get(nameOf(credentialsId, item.key)) ?? claims.get(nameOf(credentialsId, item.prior ?? ''));
    if (!claimed) throw new Error('A key was not claimed.');
    const isRepeat = claimed.eventId !== item.id;
    const account = byLogin.get(nameOf(credentialsId, item.login ?? '')) ?? null;
    const effect = item.event && account ? effectOf(item.event, account, isRepeat) : 'none';
    return { ...item, claimed, isRepeat, account, effect };
  });
}

async function requestParts(
  context: Context,
  em: Em,
  requests: readonly IncomingRequest[],
  now: Date,
  settled: readonly Settled[],
): Promise<Parts> {
  const written: NewRequest[] = [];
  for (const request of requests)
    written.push(
      await newRequest(
        context,
        em,
        request,
        settled.filter((one) => one.request === request && !one.isRepeat),
      ),
    );
  const repeats = settled.flatMap((one): Repeat[] =>
    one.isRepeat && one.request.isNew
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
  return insertRequests(written, repeats, now);
}

/** A request with `fresh`, those of its events that are no repeats. */
async function newRequest(
  { vault }: Context,
  em: Em,
  request: IncomingRequest,
  fresh: readonly Settled[],
): Promise<NewRequest> {
  const { id, sender, headers, receivedAt, read, isNew } = request;
  const tenantOf = ({ account }: Matched): string | null => account?.tenantId ?? sender.tenantId;
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
      providerAccountId: one.event ? one.login : sender.providerAccountId,
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
  const tenants = new Set(events.map(({ tenantId }) => tenantId));
  const owner = tenants.size === 1 ? ([...tenants][0] ?? null) : null;
  const isKept = isNew && fresh.length > 0 && !tooMany;
  const keys = isKept ? await vault.keysOf(em, owner) : null;
  return {
    id,
    tenantId: owner,
    credentialsId: sender.credentialsId,
    provider: sender.provider,
    state: read.events?.length ? 'read' : 'unreadable',
    error: tooMany ? notKept.tooMany : null,
    body: keys?.seal(read.body, sealed.webhookBody(id)) ?? null,
    headers,
    receivedAt,
    isNew,
    people: isKept ? await digestSubjects(em, vault, fresh.flatMap(peopleOf)) : [],
    events,
  };
}

const errorOf = ({ event }: Matched, state: NewEvent['state']): string | null => {
  if (state !== 'failed') return null;
  return event && event.kind !== unreadable ? notApplied : notReadable;
};
