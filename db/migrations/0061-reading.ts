import { Migration } from '@mikro-orm/migrations';

/** Lists of conversations and messages in the order of an inbox, and search. */
export class Reading extends Migration {
  override up(): void {
    this.addSql('create extension if not exists btree_gin; create extension if not exists pg_trgm;');
    this.addSql(foldText);
    this.addSql(lists);
    this.addSql(search);
  }
}

/** Letters with two cases that are not made of a letter and a mark: Latin, Greek, Cyrillic, Armenian. */
const casedLetters = (
  [
    [0xc0, 0x24f],
    [0x370, 0x52f],
    [0x531, 0x556],
  ] as const
)
  .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => String.fromCharCode(first + n)))
  .filter((letter) => letter.toLowerCase() !== letter && letter.toLowerCase().length === 1);
const [upper, lower] = [`${casedLetters.join('')}ς`, `${casedLetters.join('').toLowerCase()}σ`];

const marks = String.raw`[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]+`;
const separators = String.raw`[\u0001-/:-@\[-\u0060\{-\u00bf\u00d7\u00f7\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u303f\ufe00-\ufe6f\ufeff\ufff0-\uffff\U0001f000-\U0001faff\U000e0000-\U000e007f]+`;

/**
 * The same as `foldText` of domain/search-text.ts, whatever the locale of the database. Bodies are parsed now, not when they
 * are called: a restored dump has no search path. A word index takes one megabyte at
 * most, so that long texts are searched by their beginning.
 */
const foldText = `
create function fold_text(given text) returns text language sql immutable strict parallel safe return
  regexp_replace(
    case when octet_length(given) = char_length(given) then lower(left(given, 50000) collate "C")
    else translate(lower(regexp_replace(normalize(left(given, 50000), NFKD), '${marks}', '', 'g') collate "C"),
      '${upper}', '${lower}') end,
    '${separators}', ' ', 'g');
create function words_of(given text) returns tsvector language sql immutable strict parallel safe return
  to_tsvector('simple'::regconfig, fold_text(given));
create function names_of(
  one text, two text default null, three text default null, four text default null, five text default null)
returns text language sql immutable parallel safe return
  fold_text(coalesce(one, '') || ' ' || coalesce(two, '') || ' ' || coalesce(three, '') || ' ' || coalesce(four, '')
    || ' ' || coalesce(five, ''));
`;

const order = "pinned desc, (coalesce(last_message_at, '-infinity'::timestamptz)) desc, id desc";

/** A conversation without messages is the oldest: a cursor compares no nulls. */
const lists = `
drop index conversations_list;
drop index conversations_account;
create index conversations_list on conversations (tenant_id, ${order});
create index conversations_account on conversations (account_id, ${order});
create index conversations_unread on conversations (tenant_id, ${order}) where unread_count > 0 or marked_unread;
create index conversations_account_unread on conversations (account_id, ${order}) where unread_count > 0 or marked_unread;
create index conversations_archived on conversations (tenant_id, ${order}) where archived;
create index conversations_labels on conversations using gin (tenant_id, labels) where labels <> '{}';
drop index messages_account;
create index messages_account on messages (account_id, sent_at desc, id desc);
create index messages_list on messages (tenant_id, sent_at desc, id desc);
create index provider_keys_attendee on provider_keys (tenant_id, key) where kind = 'attendee';
`;

const search = `
alter table messages add column search tsvector generated always as (words_of(text)) stored;
create index messages_search on messages using gin (tenant_id, search);
create index conversations_search on conversations using gin (tenant_id, words_of(name)) where name is not null;
create index attendees_search on attendees using gin (tenant_id, names_of(name, phone_number) gin_trgm_ops);
create index attendees_words on attendees using gin (tenant_id, to_tsvector('simple'::regconfig, names_of(name, phone_number)));
`;
