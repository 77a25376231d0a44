import { setTimeout as pause } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import { hashKey } from '../../db/queries/tenants/api-keys.ts';
import type { Database } from '../../db/connect.ts';
import { ApiKey } from '../../db/entities/tenants.ts';
import type { Principal } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';

/** How long a look-up counts, in milliseconds from its beginning: a revoked key may work this much longer. */
const cacheMs = 2_000;
/** Keys cached at once; beyond it the cache is emptied. */
const cacheAtMost = 10_000;
/** The pause between two look-ups of keys that were not valid here before, in milliseconds. */
const togetherEveryMs = 20;
/** How long after its beginning a running look-up takes in others of the same key, in milliseconds. */
const shareMs = 1_000;

/** A key that a look-up found valid. */
export interface ValidKey {
  principal: Principal;
  /** When the look-up began, by `performance.now()`: a key that was revoked later may still be named here. */
  at: number;
}

/**
 * Looks up bearer keys by their hash. Answers null for a key that is unknown or revoked. Keys that were not valid here
 * before are looked up together: a flood of invented ones costs few statements, and no valid key waits for longer.
 */
export function createKeyring(db: Pick<Database, 'authentication'>): (key: string) => Promise<ValidKey | null> {
  const cached = new Map<string, ValidKey>();
  const running = new Map<string, { at: number; found: Promise<ValidKey | null> }>();
  const find = async (hashes: readonly string[]): Promise<Map<string, ValidKey>> => {
    const at = performance.now();
    const rows = await db.authentication((em) => em.find(ApiKey, { hash: { $in: [...hashes] }, revokedAt: null }));
    return new Map(
      rows.map(({ hash, tenantId, id: keyId, scopes }) => [hash, { principal: { tenantId, keyId, scopes }, at }]),
    );
  };
  const findTogether = gather(find);

  const lookUp = async (hash: string, at: number): Promise<ValidKey | null> => {
    try {
      const valid = (cached.has(hash) ? await find([hash]) : await findTogether(hash)).get(hash);
      if (!valid) {
        cached.delete(hash);
        return null;
      }
      if (cached.size >= cacheAtMost) cached.clear();
      cached.set(hash, valid);
      return valid;
    } finally {
      if (running.get(hash)?.at === at) running.delete(hash);
    }
  };
  return async (key) => {
    const hash = hashKey(key);
    const now = performance.now();
    const known = cached.get(hash);
    if (known && now - known.at < cacheMs) return known;
    const shared = running.get(hash);
    if (shared && now - shared.at < shareMs) return shared.found;
    const found = lookUp(hash, now);
    running.set(hash, { at: now, found });
    return found;
  };
}

/** A key by its id, where it is not revoked. */
export async function findKey(db: Pick<Database, 'authentication'>, keyId: string): Promise<ValidKey | null> {
  const at = performance.now();
  const row = await db.authentication((em) => em.findOne(ApiKey, { id: keyId, revokedAt: null }));
  return row && { principal: { tenantId: row.tenantId, keyId, scopes: row.scopes }, at };
}

/** Runs `find` for all names that wait, once at a time and with a pause between. */
function gather<T>(find: (names: readonly string[]) => Promise<T>): (name: string) => Promise<T> {
  let names = new Set<string>();
  let next: Promise<T> | null = null;
  let free: Promise<unknown> = Promise.resolve();
  return (name) => {
    names.add(name);
    next ??= free.then(() => {
      const asked = [...names];
      names = new Set();
      next = null;
      const found = find(asked);
      free = found.catch(() => undefined).then(() => pause(togetherEveryMs));
      return found;
    });
    return next;
  };
}

/** The key that a request carries, or null. */
export function bearerOf(request: IncomingMessage): string | null {
  const found = /^bearer +(pb_[\w-]{16,128}) *$/i.exec(request.headers.authorization ?? '');
  return found?.[1] ?? null;
}

/** 401, for a key that is missing, unknown or revoked. */
export const unauthorized = (detail = 'The request carries no valid API key.'): Problem =>
  new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="patchbay"' } });

/** How often the key of a request in progress is checked again, in milliseconds. */
const checkEveryMs = 500;
/**
 * How long a request goes on after the beginning of the last look-up that found its key valid, in milliseconds. With one
 * more pause and the shortest wait for an answer it stays below the promised five seconds.
 */
export const unconfirmedMs = 3_800;
/** The shortest wait for the answer to a check, in milliseconds. */
const shortestCheckMs = 500;

/**
 * The outcome of `work`, unless the key is revoked before: then 401 is thrown at once, and 503 when its look-ups fail or
 * hang for too long. `work` goes on in the background and its outcome is dropped; `confirm` throws there from then on, and
 * before that when the key is revoked.
 */
export async function unlessRevoked<T>(
  admitted: ValidKey,
  check: () => Promise<ValidKey | null>,
  work: (confirm: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const confirm = async (): Promise<void> => {
    if (!(await check())) throw unauthorized();
    over.signal.throwIfAborted();
  };
  try {
    return await Promise.race([work(confirm), refusal(admitted.at, check, over.signal)]);
  } finally {
    over.abort();
  }
}

/** Rejects when the key is no longer known to be valid. */
async function refusal(at: number, check: () => Promise<ValidKey | null>, over: AbortSignal): Promise<never> {
  for (let confirmedAt = at; ;) {
    await pause(checkEveryMs, undefined, { signal: over });
    const wait = Math.max(confirmedAt + unconfirmedMs - performance.now(), shortestCheckMs);
    const valid = await Promise.race([check(), pause(wait, undefined, { signal: over })]).catch(() => undefined);
    if (valid === null) throw unauthorized();
    if (valid) confirmedAt = valid.at;
    else if (performance.now() - confirmedAt >= unconfirmedMs)
      throw new Problem('database_unavailable', undefined, { retryAfter: 2 });
  }
}
