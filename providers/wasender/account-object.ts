import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import type { AccountView, CredentialsCall, ProviderCall } from '../provider.ts';
import { asObject, field, text, utcMs, type Json } from './fields.ts';
import { askAccount, dataOf } from './client.ts';
import { listIn, listOf, saysMore } from './pages.ts';
import { segment } from './ids.ts';

/** A session of WASender with every part in its place: what is missing is null. Words of states are in lower case. */
export interface Session {
  id: string;
  name: string | null;
  phone: string | null;
  status: string;
  createdAt: string | null;
  webhookUrl: string | null;
  webhookEnabled: boolean;
  webhookEvents: string[];
  accountProtection: boolean;
  logMessages: boolean;
  keys: AccountKeys;
  /** As it came, without what is secret. */
  raw: Json;
}

const secrets = new Set(['api_key', 'apiKey', 'webhook_secret', 'webhookSecret', 'proxy_url', 'proxyUrl']);

/** Reads whatever stands for a session; null where it has no id. Ids are numbers or texts. */
export function readSession(body: unknown): Session | null {
  const of = asObject(body);
  const id = text(of, 'id');
  if (!of || !id) return null;
  const events = field(of, 'webhook_events');
  const [apiKey, webhookSecret] = [text(of, 'api_key'), text(of, 'webhook_secret')];
  return {
    id,
    name: text(of, 'name'),
    phone: text(of, 'phone_number'),
    status: word(text(of, 'status')),
    createdAt: text(of, 'created_at'),
    webhookUrl: text(of, 'webhook_url'),
    webhookEnabled: field(of, 'webhook_enabled') === true,
    webhookEvents: Array.isArray(events) ? events.filter((one) => typeof one === 'string') : [],
    accountProtection: field(of, 'account_protection') === true,
    logMessages: field(of, 'log_messages') === true,
    keys: { ...(apiKey ? { apiKey } : {}), ...(webhookSecret ? { webhookSecret } : {}) },
    raw: Object.fromEntries(Object.entries(of).filter(([name]) => !secrets.has(name))),
  };
}

/** A state's word in lower case: connecting answers in capitals, the rest as it likes. */
export const word = (said: string | null): string => said?.trim().toLowerCase() || 'unknown';

/** GET /whatsapp-sessions/{id}. Throws `not_found` for one that WASender does not know. */
export const fetchSession = async (call: ProviderCall, id: string | null): Promise<Session> =>
  sessionFrom(await askAccount(call, 'GET', `/whatsapp-sessions/${segment(id)}`));

export function sessionFrom(body: Json, effect: 'none' | 'unknown' = 'none'): Session {
  const session = readSession(dataOf(body));
  if (!session)
    throw new ProviderFailure('provider_unavailable', 'WASender answered a session in an unknown shape.', { effect });
  return session;
}

/** Every session of the personal access token. Throws on an answer that is no list. */
export async function listSessions(call: CredentialsCall): Promise<Session[]> {
  const sessions = new Map<string, Session>();
  for (let page = 1; ; page += 1) {
    const query = page === 1 ? {} : { query: { page: String(page) } };
    const list = sessionsIn(await askAccount(call, 'GET', '/whatsapp-sessions', query));
    const items = listIn(list);
    if (!items) throw noList('something else than a list of sessions');
    const before = sessions.size;
    for (const session of items.flatMap((item) => readSession(item) ?? [])) sessions.set(session.id, session);
    if (!saysMore(list, page)) return [...sessions.values()];
    if (items.length && sessions.size === before) throw noList('the same page of sessions again');
  }
}

const sessionsIn = (body: Json): unknown => (field(body, 'data') === undefined ? body : listOf(body));

const noList = (what: string): ProviderFailure =>
  new ProviderFailure('provider_unavailable', `WASender answered ${what}.`);

/** When WASender made it, in milliseconds since the epoch. */
export const madeAt = ({ createdAt }: Session): number | null => utcMs(createdAt);

/** Each state of a session as ours. `disconnected` and `need_scan` both want the owner's phone. */
const statuses = new Map<string, AccountView['status']>([
  ['connected', 'linked'],
  ['connecting', 'degraded'],
  ['need_scan', 'login_lost'],
  ['need_passkey', 'login_lost'],
  ['disconnected', 'login_lost'],
  ['logged_out', 'login_lost'],
  ['expired', 'login_lost'],
]);

/** A new word of WASender's proves neither that the account works nor that it does not. */
export const statusOf = (status: string): AccountView['status'] => statuses.get(status) ?? 'degraded';
