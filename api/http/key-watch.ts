import type { Database } from '../../db/connect.ts';
import { validKeyIds } from '../../db/queries/tenants/api-keys.ts';
import { unconfirmedMs, type ValidKey } from './auth.ts';

/** Why a connection may not go on: its key was revoked, or the database has not confirmed it for too long. */
type KeyEnd = 'key_revoked' | 'database_unavailable';

/** Watches the key of a connection that stays open: `onEnd` runs once, within five seconds. Answers what ends the watch. */
export type WatchKey = (valid: ValidKey, onEnd: (why: KeyEnd) => void) => () => void;

/** Milliseconds between two look-ups. */
const everyMs = 1_000;
/** Milliseconds between two checks for keys that were not confirmed. */
const checkMs = 500;

/** One look-up serves all connections of the process. */
export function createKeyWatch(db: Pick<Database, 'authentication'>): WatchKey {
  const keys = new Map<string, { confirmedAt: number; watchers: Set<(why: KeyEnd) => void> }>();
  let timer: NodeJS.Timeout | null = null;
  let lookedAt = 0;
  let isLooking = false;

  const end = (keyId: string, why: KeyEnd): void => {
    const watchers = keys.get(keyId)?.watchers ?? [];
    keys.delete(keyId);
    for (const onEnd of watchers) onEnd(why);
  };
  const look = async (): Promise<void> => {
    const at = performance.now();
    lookedAt = at;
    const valid = await db.authentication((em) => validKeyIds(em, [...keys.keys()]));
    for (const [keyId, key] of keys)
      if (valid.has(keyId)) key.confirmedAt = Math.max(key.confirmedAt, at);
      // A key that was found valid later may have been made later.
      else if (key.confirmedAt < at) end(keyId, 'key_revoked');
  };
  const check = (): void => {
    const now = performance.now();
    for (const [keyId, { confirmedAt }] of keys)
      if (now - confirmedAt >= unconfirmedMs) end(keyId, 'database_unavailable');
    if (!keys.size) {
      clearInterval(timer ?? undefined);
      timer = null;
    } else if (!isLooking && now - lookedAt >= everyMs) {
      isLooking = true;
      void look()
        .catch(() => undefined)
        .finally(() => (isLooking = false));
    }
  };
  return ({ principal: { keyId }, at }, onEnd) => {
    const key = keys.get(keyId) ?? { confirmedAt: at, watchers: new Set() };
    key.confirmedAt = Math.max(key.confirmedAt, at);
    key.watchers.add(onEnd);
    keys.set(keyId, key);
    timer ??= setInterval(check, checkMs).unref();
    return () => {
      key.watchers.delete(onEnd);
      if (key.watchers.size === 0 && keys.get(keyId) === key) keys.delete(keyId);
    };
  };
}
