import type { Identity } from '../../../domain/identities.ts';

/** A pair that the provider has contradicted: the next entry may be of another person. */
export const contradicted = '';

/** The alias that an entry tells beside this one: a number's LID, or a LID's number. */
export const partnerOf = (aliases: readonly Identity[], alias: Identity): Identity | undefined =>
  aliases.length > 1 ? aliases.find(({ kind }) => kind !== alias.kind) : undefined;

/** Whether an alias with this pair is of another person now. An entry that tells no partner denies none. */
export const isContradicted = (pair: string | null, partner: Identity | undefined): boolean =>
  pair === contradicted || (pair !== null && partner !== undefined && partner.value !== pair);
