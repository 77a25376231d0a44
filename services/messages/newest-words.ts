import type { WrittenConversation } from '../../db/queries/messages/write.ts';
import { toldFields, type ToldField, type ToldTimes } from '../../domain/conversations.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { wordOf } from '../conversations/provider-state.ts';

type Word = string | number | boolean | null;

/** A field's value here, as a provider would tell it. */
const here = (field: ToldField, row: WrittenConversation): Word =>
  field === 'mutedUntil' ? wordOf('muted', row) : row[field];

/** A provider's word on a field; undefined where it tells none. */
function wordIn(told: ToldConversation, field: ToldField): Word | undefined {
  const word = told[field];
  // A conversation without a name of its own has that of its person.
  return field === 'name' && word === null ? undefined : word;
}

/** What was told at a time, without fields of which a newer word is known. Of two words of one time the greater text counts. */
export function newestWords(row: WrittenConversation, told: ToldConversation, at: number): ToldConversation {
  const isOld = (field: ToldField): boolean => {
    const [word, known] = [wordIn(told, field), row.toldAt[field]];
    if (word === undefined || known === undefined || at > known) return false;
    return at < known || String(word) < String(here(field, row));
  };
  const old = new Set<string>(toldFields.filter(isOld));
  if (!old.size) return told;
  return { ...Object.fromEntries(Object.entries(told).filter(([field]) => !old.has(field))), keys: told.keys };
}

/**
 * The times of a row's fields once it was told these. An unchanged value is noted for `events` alone, which may come in
 * another order; a provider that is read again and again tells the same each time.
 */
export function timesWith(row: WrittenConversation, told: ToldConversation, at: number, events: boolean): ToldTimes {
  const noted = toldFields.filter((field) => {
    const word = wordIn(told, field);
    return word !== undefined && (events || word !== here(field, row));
  });
  return noted.length ? { ...row.toldAt, ...Object.fromEntries(noted.map((field) => [field, at])) } : row.toldAt;
}

/** The fields of a row of which a provider told, each with its value and time. */
export const wordsOf = (row: WrittenConversation): [ToldField, Word, number][] =>
  toldFields.flatMap((field) => {
    const at = row.toldAt[field];
    return at === undefined ? [] : [[field, here(field, row), at] as [ToldField, Word, number]];
  });
