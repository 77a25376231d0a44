import { arrayOf } from '../../connect.ts';

/** Which contacts are meant; those that were merged into another never are. */
export interface ContactFilter {
  ids?: readonly string[] | undefined;
  account?: string | undefined;
  /** Of these accounts alone. */
  accounts?: readonly string[] | undefined;
  group?: string | undefined;
  synced?: boolean | undefined;
  /** Words of names, or digits of the number, also of those who were merged into the contact. */
  q?: string | undefined;
}

/** A condition over `contacts c` with its parameters. */
export interface Condition {
  sql: string;
  params: unknown[];
}

/** The condition that a filter is. */
export function contactsWhere({ ids, account, accounts, group, synced, q }: ContactFilter): Condition {
  const parts: [sql: string, ...params: unknown[]][] = [['c.merged_into is null']];
  if (ids !== undefined) parts.push(['c.id = any(?::uuid[])', arrayOf(ids)]);
  if (account !== undefined) parts.push(['c.account_id = ?', account]);
  if (accounts !== undefined) parts.push(['c.account_id = any(?::uuid[])', arrayOf(accounts)]);
  if (group !== undefined) parts.push(['? = any(c.groups)', group]);
  if (synced !== undefined) parts.push(['c.wasender_sync_status = ?', synced ? 'synced' : 'not_synced']);
  if (q?.trim()) parts.push(searched(q));
  return { sql: parts.map(([sql]) => `(${sql})`).join(' and '), params: parts.flatMap(([, ...params]) => params) };
}

/** All words occur in the names, each anywhere; or what was typed is a part of the number, however it was spaced. */
function searched(q: string): [sql: string, ...params: unknown[]] {
  const words = q.trim().split(/\s+/);
  const patterns = words.map(anyCase);
  const numbers = partsOfNumber(q);
  const matches = (contact: string): string => {
    const names = `concat_ws(' ', ${['name', 'verified_name', 'company', 'push_name'].map((name) => `${contact}.${name}`).join(', ')})`;
    const inNames = words.map(() => `${names} ~ ?`).join(' and ');
    return [`(${inNames})`, ...numbers.map(() => `${contact}.phone_number like ?`)].join(' or ');
  };
  const params = [...patterns, ...numbers.map((digits) => `%${digits}%`)];
  // Who was merged has a small index of their own.
  const merged = `select m.merged_into from contacts m where m.merged_into is not null and (${matches('m')})`;
  return [`${matches('c')} or c.id in (${merged})`, ...params, ...params];
}

/**
 * A regular expression for a text in upper and lower case. The database's own folding depends on its locale, which may
 * know ASCII only.
 */
const anyCase = (text: string): string =>
  Array.from(text, (char) => {
    const forms = [...new Set([char, char.toLowerCase(), char.toUpperCase()])];
    if (forms.length > 1) return `(?:${forms.join('|')})`;
    return char.replace(/[\\^$.|?*+()[\]{}]/, '\\$&');
  }).join('');

/** The digits to look for in stored numbers (E.164) when somebody types a number; none when it is something else. */
function partsOfNumber(text: string): string[] {
  if (!/^[+\d\s().\-/\u00a0]+$/.test(text)) return [];
  // The zero of "+44 (0)20 …" and of national numbers is dialled within the country only.
  const digits = text.replace('(0)', '').replace(/\D/g, '');
  const national = digits.replace(/^0+/, '');
  return [...new Set([digits, ...(national.length >= 5 ? [national] : [])])].filter((part) => part !== '');
}
