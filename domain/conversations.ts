export type ConversationKind = 'person' | 'group' | 'channel';

/** The fields of a conversation that callers change, as the API names them. */
export const changedFields = ['read', 'muted', 'archived', 'pinned', 'labels'] as const;
export type ChangedField = (typeof changedFields)[number];

/**
 * `pending`: the provider is told as soon as it can be · `synced`: it has taken the change · `local`: it has no such field, and
 * the change is kept here alone · `failed`: it refused the change, which is kept here.
 */
export const changeStates = ['pending', 'synced', 'local', 'failed'] as const;
export type ChangeState = (typeof changeStates)[number];

/** A field's value as providers tell it: of `muted` until when, in milliseconds since the epoch; null is not muted. */
export type ProviderWord = boolean | number | 'forever' | null;

/** Fields of a conversation of which the provider's newest word counts. */
export const toldFields = ['name', 'archived', 'pinned', 'mutedUntil', 'markedUnread', 'readOnly'] as const;
export type ToldField = (typeof toldFields)[number];

/** When a provider's word on each field was so, in milliseconds since the epoch. */
export type ToldTimes = Readonly<Partial<Record<ToldField, number>>>;

/** How long after a change of ours the provider may still show the value from before, in milliseconds. */
const settlesWithinMs = 120_000;

/** A change of one field, and what the conversation and its provider have. */
export interface FieldOnBothSides {
  change: { state: ChangeState; providerHad: ProviderWord; syncedAt: Date | null };
  here: ProviderWord;
  /** What the provider told of it, and when: milliseconds since the epoch. */
  word: ProviderWord;
  at: number;
}

/**
 * What a provider's word does to a field that was changed here: `ignore` it, since it is older than the change; `take` it,
 * since it was changed at the phone later; or it `agrees` with a change of which the provider was not told.
 */
export function weighWord({ change, here, word, at }: FieldOnBothSides): 'ignore' | 'take' | 'agrees' {
  switch (change.state) {
    case 'pending':
      return 'ignore';
    case 'synced':
      return at > (change.syncedAt?.getTime() ?? 0) + settlesWithinMs ? 'take' : 'ignore';
    case 'local':
    case 'failed':
      if (word === here) return 'agrees';
      return word === change.providerHad ? 'ignore' : 'take';
  }
}
