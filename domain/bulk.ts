import { isExpiring, isWorking, type AccountState } from './accounts.ts';
import type { Channel, ProviderName } from './channels.ts';
import { syncKinds, type SyncKind } from './syncs.ts';

/** What is done to each account that a filter finds. */
export const bulkAccountKinds = [
  'sync_details',
  'sync_contacts',
  'sync_conversations',
  'reconnect',
  'disconnect',
  'purge',
  'label',
] as const;
export type BulkAccountKind = (typeof bulkAccountKinds)[number];

/** `export` writes the data of a tenant or of a person into files. */
export const bulkKinds = [...bulkAccountKinds, 'export'] as const;
export type BulkKind = (typeof bulkKinds)[number];

/** `preparing`: the accounts are being found. A cancelled operation can be taken up again. `failed`: of an export whose person was erased. */
export const bulkStates = ['preparing', 'running', 'paused', 'cancelled', 'done', 'failed'] as const;
export type BulkState = (typeof bulkStates)[number];

/** `asked`: the operation of the account began, and its outcome is waited for. */
export const bulkItemStates = ['waiting', 'asked', 'done', 'failed', 'skipped'] as const;
export type BulkItemState = (typeof bulkItemStates)[number];

/** Why nothing was asked for an account. */
export const skipReasons = {
  no_match: 'The filter does not find the account any more.',
  account_removed: 'The account is not here any more.',
  account_connected: 'The account works.',
  account_not_connected: 'The account is not connected.',
  operation_running: 'Another login or disconnection of the account is under way.',
  unsupported: 'The provider does not have this for the channel.',
  already_done: 'Nothing would change.',
} as const;
export type SkipReason = keyof typeof skipReasons;

/** What an operation is about. All words that are given must fit. */
export interface BulkFilter {
  ids?: string[] | undefined;
  owner?: string | undefined;
  channel?: Channel | undefined;
  provider?: ProviderName | undefined;
  state?: AccountState | undefined;
  failed?: boolean | undefined;
  label?: string | undefined;
  /** Text within label, owner or identity, in any case of its letters. */
  q?: string | undefined;
}

export interface BulkOptions {
  /** Of `label`; null removes it. */
  label?: string | null | undefined;
  /** Of `reconnect`: also begin logins that only the owner can finish. */
  with_owner?: boolean | undefined;
  /** The most accounts that are asked in a minute. */
  per_minute?: number | undefined;
}

/** How far an operation is. */
export interface BulkPlace {
  /** The last account that was looked at while accounts are found; of an export where its source goes on. */
  after?: unknown;
  /** All accounts are found. */
  found?: boolean;
  /** When the next account may be asked, in milliseconds since 1970. */
  next_at?: number;
  /** Of an export: its next file, the source of that, and which part of the source it is. */
  number?: number;
  source?: number;
  part?: number;
}

/** What decides whether an account is asked. */
export interface AccountShape {
  provider: ProviderName;
  channel: Channel;
  state: AccountState;
  reason: string | null;
  /** It has a login at its provider. */
  linked: boolean;
  /** The attempt that runs. */
  running: 'connect' | 'reconnect' | 'disconnect' | null;
  /** Its data was purged, and nothing was begun since. */
  purged: boolean;
  /** It has the label already. */
  labelled: boolean;
}

/** The sync that a kind starts; null for the other kinds. */
export const syncOf = (kind: BulkKind): SyncKind | null => syncKinds.find((one) => `sync_${one}` === kind) ?? null;

/** Whether an account is asked now; else why not. `supports`: the provider has on its channel what the sync reads. */
export function decide(
  kind: BulkAccountKind,
  { with_owner: withOwner = false }: BulkOptions,
  account: AccountShape,
  supports: boolean,
): 'ask' | SkipReason {
  const { state, linked, running } = account;
  switch (kind) {
    case 'sync_details':
      return linked ? 'ask' : 'account_not_connected';
    case 'sync_contacts':
    case 'sync_conversations':
      if (!supports) return 'unsupported';
      return linked && isWorking(account) ? 'ask' : 'account_not_connected';
    case 'reconnect':
      if (running) return 'operation_running';
      if (isWorking(account) && !isExpiring(account)) return 'account_connected';
      return linked || withOwner ? 'ask' : 'account_not_connected';
    case 'disconnect':
      if (running === 'disconnect') return 'operation_running';
      return linked || running || (state !== 'disconnected' && state !== 'failed') ? 'ask' : 'already_done';
    case 'purge':
      if (running === 'disconnect') return 'operation_running';
      return account.purged ? 'already_done' : 'ask';
    case 'label':
      return account.labelled ? 'already_done' : 'ask';
  }
}

/** Accounts of one operation whose outcomes are waited for at the same time. */
export const mostAsked = 16;
/** Open operations of a tenant. */
export const mostOpen = 5;
/** Asked in a minute, where the request does not say. */
export const usualPerMinute = 600;
export const mostPerMinute = 6_000;
/** How long the files of an export can be read, in milliseconds. */
export const exportKeptMs = 72 * 60 * 60_000;

/** What one activity of an operation came to. */
export interface BulkProgress {
  /** Another activity must continue, after a rest of so many milliseconds. */
  more: boolean;
  restMs: number;
  /** `none`: it is not here any more. `busy`: this process has enough other ones. */
  state: BulkState | 'none' | 'busy';
  counts: Record<string, number>;
}
