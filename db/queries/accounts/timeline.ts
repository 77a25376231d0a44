import { newId } from '../../../platform/ids.ts';
import {
  isExpiring,
  lacksWebhooks,
  nextCheckAt,
  transition,
  type AccountEvent as StateEvent,
  type AccountStatus,
} from '../../../domain/accounts.ts';
import { waitsForOwner } from '../../../domain/reminders.ts';
import type { Em } from '../../connect.ts';
import { AccountEvent, type Account } from '../../entities/accounts.ts';

/** `text` holds no personal data; neither it nor `data` holds a secret. */
export function addTimelineEvent(
  em: Em,
  account: Account,
  at: Date,
  kind: string,
  text: string,
  more: { attempt?: number; data?: Record<string, unknown> } = {},
): void {
  em.persist(
    em.create(AccountEvent, {
      id: newId(),
      tenantId: account.tenantId,
      accountId: account.id,
      attempt: more.attempt ?? null,
      at,
      kind,
      text,
      data: more.data ?? {},
    }),
  );
}

/** The only writer of an account's state; adds the timeline event. False when nothing changed. */
export function moveAccount(em: Em, account: Account, event: StateEvent, attempt?: number): boolean {
  const before = { state: account.state, reason: account.reason, who: account.who, since: account.since };
  const after = transition(before, event);
  if (after === before) return false;
  Object.assign(account, after, { updatedAt: event.at, checkDueAt: nextCheckAt(after, event.at) });
  const isListening = after.state === 'active' || after.state === 'degraded';
  account.listeningSince = isListening ? (account.listeningSince ?? event.at) : null;
  followQuestion(account, before, event.at);
  if (after.state !== before.state)
    addTimelineEvent(em, account, event.at, 'state', wordsOf(after), {
      attempt,
      data: { from: before.state, to: after.state, reason: after.reason, who: after.who },
    });
  return true;
}

/** Notes that the owner was asked for something, or need not be any more. The move itself is the question. */
function followQuestion(account: Account, before: AccountStatus, at: Date): void {
  if (account.state === 'connecting') {
    // They are at it.
    account.remindDueAt = null;
  } else if (!waitsForOwner(account)) {
    forgetQuestion(account);
  } else if (account.askedAt && waitsForOwner(before) && before.state === account.state) {
    // The same, for another reason.
    account.remindedAt = at;
  } else Object.assign(account, { askedAt: at, remindedAt: at, reminders: 0, givenUpAt: null, remindDueAt: at });
}

function forgetQuestion(account: Account): void {
  Object.assign(account, {
    askedAt: null,
    remindedAt: null,
    reminders: 0,
    snoozedUntil: null,
    givenUpAt: null,
    remindDueAt: null,
  });
}

function wordsOf(status: AccountStatus): string {
  if (lacksWebhooks(status)) return 'The account works, but its webhooks do not bring all messages.';
  return isExpiring(status) ? 'The account works, but its token ends soon.' : stateWords[status.state];
}

const stateWords = {
  connecting: 'A login began.',
  active: 'The account works.',
  degraded: 'The provider reports trouble that may pass by itself.',
  reconnect_required: 'The login is lost: the account must be reconnected.',
  disconnected: 'The account was disconnected.',
  failed: 'The login did not succeed.',
} as const;
