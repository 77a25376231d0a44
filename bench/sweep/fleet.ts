import { accountKeys } from '../../db/queries/accounts/account-keys.ts';
import { Account } from '../../db/entities/accounts.ts';
import { sealed } from '../../db/sealed.ts';
import { recordset, rows, sql } from '../../db/sql.ts';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';

/** Where the sandbox answers like two of its providers. */
interface Providers {
  unipile_url: string;
  wasender_url: string;
}

/** One connected account of each provider, by id: the others are copies of it with logins of their own. */
export type Anchors = Record<'unipile' | 'wasender' | 'meta', string>;

/** Accounts of a fleet are marked by their owner. */
export const fleetOwner = 'fleet';

/** Calls to the sandbox at the same time. */
const atOnce = 16;
const batch = 1_000;

/**
 * Adds `size` accounts over three providers that are at rest, each with a login at the sandbox: a third has a webhook for all, a
 * third one for each, and a third is asked for news as well. The Meta accounts are one Page's, so each of their calls is of
 * its own.
 */
export async function addFleet(context: Context, at: Providers, anchors: Anchors, size: number): Promise<void> {
  const third = Math.ceil(size / 3);
  const parts = { unipile: third, wasender: third, meta: size - 2 * third };
  const session = await sessionLike(context, at, anchors.wasender);
  const logins = {
    unipile: await many(parts.unipile, (n) => unipileLogin(at, n)),
    wasender: await many(parts.wasender, (n) => wasenderLogin(at, session, n)),
    meta: Array.from({ length: parts.meta }, (_, n) => `fleet-${n}`),
  };
  for (const provider of ['unipile', 'wasender', 'meta'] as const)
    for (let from = 0; from < logins[provider].length; from += batch)
      await addAccounts(context, anchors[provider], logins[provider].slice(from, from + batch));
}

/** Copies of an account that is at rest: their details and contacts are not due, and webhooks have come of late. */
async function addAccounts({ db, vault, clock }: Context, anchor: string, logins: readonly string[]): Promise<void> {
  const found = await db.system((em) => em.findOneOrFail(Account, { id: anchor }));
  const keyset = await vault.keysOf(db, found.tenantId);
  const keys = accountKeys(keyset, found);
  const node = keys?.node ?? found.providerAccountId;
  const list = logins.map((login) => {
    const id = newId();
    const own = JSON.stringify({ ...keys, node });
    return { id, login, keys: keys?.apiKey ? keyset.seal(own, sealed.providerKeys(id)) : null };
  });
  const now = clock.now();
  await db.system(async (em) => {
    await rows(
      em,
      sql`insert into accounts select (jsonb_populate_record(a, jsonb_build_object('id', l.id, 'owner', ${fleetOwner}::text,
            'provider_account_id', l.login, 'identity', null, 'provider_keys', l.keys, 'webhook_secret_hash', null,
            'provider_groups', '[]'::jsonb, 'details_at', ${now}::timestamptz, 'since', ${now}::timestamptz,
            'contacts_due_at', ${now}::timestamptz + interval '1 day', 'contacts_again_at', null, 'pictures_due_at', null,
            'history_again_at', null, 'history_due_at', null, 'check_due_at', ${now}::timestamptz + interval '1 day'))).*
          from accounts a, ${recordset(list, sql`(id uuid, login text, keys text)`)} l where a.id = ${anchor}`,
    );
    await rows(
      em,
      sql`update account_visits set last_event_at = ${now}, news_at = ${now}, webhook_state = 'ok'
          where account_id = any(${list.map(({ id }) => id)}::uuid[])`,
    );
  });
}

/** Makes every account of a fleet due for a visit; a share of those with a history is compared as well, as each hour. */
export const makeDue = ({ db, clock }: Context, compared = 1 / 12): Promise<void> =>
  db.system(async (em) => {
    const past = new Date(clock.now().getTime() - 1_000);
    await rows(
      em,
      sql`update account_visits set due_at = ${past}, lease = null, visited_at = null from accounts a
          where a.id = account_id and a.owner = ${fleetOwner}`,
    );
    await rows(
      em,
      sql`update accounts set history_due_at = case when random() < ${compared} then ${past}::timestamptz end
          where owner = ${fleetOwner} and provider = 'unipile'`,
    );
  });

/** Sweeps at most until every account was visited: the first visit of a Meta account reads its whole history. */
const mostFirstSweeps = 20;

/** Sweeps a new fleet until all of it is at rest. */
export async function settle(context: Context, sweep: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < mostFirstSweeps; n += 1) {
    await sweep();
    if ((await sweptOf(context)).every(({ visited, all }) => visited === all)) return;
  }
  throw new Error(`accounts were left after ${mostFirstSweeps} sweeps`);
}

/** What a sweep left of a fleet, by provider. */
export interface Swept {
  provider: string;
  visited: number;
  failed: number;
  all: number;
}

export const sweptOf = ({ db }: Context): Promise<Swept[]> =>
  db.system((em) =>
    rows<Swept>(
      em,
      sql`select a.provider, count(v.visited_at)::int as visited,
            count(*) filter (where v.outcome = 'failed' and v.visited_at is not null)::int as failed, count(*)::int as "all"
          from account_visits v join accounts a on a.id = v.account_id where a.owner = ${fleetOwner}
          group by 1 order by 1`,
    ),
  );

async function unipileLogin({ unipile_url: url }: Providers, n: number): Promise<string> {
  const body = { provider: 'LINKEDIN', username: `plain+fleet${n}@sandbox.example`, password: 'correct horse' };
  const { account_id: id } = await ask<{ account_id: string }>(`${url}/api/v1/accounts`, 'POST', unipileKey, body);
  return id;
}

/** The settings of a session's webhook, for sessions like it. */
async function sessionLike({ db }: Context, { wasender_url: url }: Providers, anchor: string): Promise<object> {
  const { providerAccountId: id } = await db.system((em) => em.findOneOrFail(Account, { id: anchor }));
  const { data } = await ask<{ data: Record<string, unknown> }>(`${url}/whatsapp-sessions/${id}`, 'GET', wasenderKey);
  const { webhook_url, webhook_enabled, webhook_events } = data;
  return { webhook_url, webhook_enabled, webhook_events, account_protection: true, log_messages: true };
}

async function wasenderLogin({ wasender_url: url }: Providers, session: object, n: number): Promise<string> {
  const body = { ...session, name: `fleet ${n}`, phone_number: `+3363${String(n).padStart(7, '0')}` };
  const { data } = await ask<{ data: { id: string | number } }>(`${url}/whatsapp-sessions`, 'POST', wasenderKey, body);
  return String(data.id);
}

const unipileKey = { 'x-api-key': 'sandbox-key' };
const wasenderKey = { authorization: 'Bearer 1|sandbox-pat' };

async function ask<T>(url: string, method: string, key: Record<string, string>, body?: object): Promise<T> {
  const headers = { ...key, 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function many<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  const turns = Array.from({ length: count }, (_, n) => n).values();
  const work = async (): Promise<void> => {
    for (const n of turns) made.push(await make(n));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return made;
}
