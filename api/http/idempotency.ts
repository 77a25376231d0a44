import { setTimeout as pause } from 'node:timers/promises';
import { arrayOf, rows } from '../../db/connect.ts';
import { IdempotencyKey } from '../../db/entities/tenants.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';

/** An answer before it is sent. */
export interface Reply {
  status: number;
  body: unknown;
}

/** How long answers are kept, and how long one execution holds its key, in milliseconds. */
const keepMs = 24 * 60 * 60_000;
const leaseMs = 30_000;
/** How long a twin waits for the first request, and how often it looks, in milliseconds. */
const twinPatienceMs = 20_000;
const twinLookMs = 150;

export interface Keyed {
  tenantId: string;
  /** The route as it is declared: one key of a client may serve several routes. */
  route: string;
  key: string;
  /** What was asked, as one text; only its keyed digest is kept. */
  content: string;
  /** The answer as it may be kept: without what is shown once. */
  redact(body: unknown): unknown;
}

/**
 * Runs `work` once for a key. Repeats get the first answer; a twin waits for it; another request under the same key is
 * refused. `work` gets an id that stays the same when an execution died half-way and a repeat takes over, so that it
 * can find what was already done. Answers of failures are not kept: the repeat tries again.
 */
export async function once(
  context: Context,
  request: Keyed,
  work: (operationId: string) => Promise<Reply>,
): Promise<Reply & { replayed: boolean }> {
  const keys = await context.vault.keysOf(context.db, request.tenantId);
  const digests = keys.digests('idempotency', request.content);
  const end = performance.now() + twinPatienceMs;
  for (;;) {
    const taken = await take(context, request, digests);
    if ('operationId' in taken)
      return { ...(await execute(context, keys, request, taken.operationId, work)), replayed: false };
    const { row } = taken;
    if (row && !digests.includes(row.bodyDigest))
      throw new Problem('idempotency_key_reused', 'This Idempotency-Key was used with another request.');
    if (row?.response) {
      const body: unknown = JSON.parse(keys.open(row.response, sealed.idempotentAnswer(row.id)));
      return { status: row.status ?? 200, body, replayed: true };
    }
    if (performance.now() > end || context.stopping.aborted)
      throw new Problem('request_in_progress', undefined, { retryAfter: 5 });
    await pause(twinLookMs);
  }
}

/** Takes the key where it is new, expired, or left behind by an execution that died; else answers its row. */
async function take(
  { db, clock }: Context,
  { tenantId, route, key }: Keyed,
  digests: readonly [string, ...string[]],
): Promise<{ operationId: string } | { row: IdempotencyKey | null }> {
  const now = clock.now();
  const lease = new Date(now.getTime() + leaseMs);
  const expiry = new Date(now.getTime() + keepMs);
  const [made] = await db.tenant(tenantId, (em) =>
    rows<{ id: string }>(
      em,
      `insert into idempotency_keys as k (id, tenant_id, route, key, body_digest, locked_until, created_at, expires_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (tenant_id, route, key) do update set
         id = case when k.expires_at < excluded.created_at then excluded.id else k.id end,
         status = null, response = null, body_digest = excluded.body_digest,
         locked_until = excluded.locked_until, created_at = excluded.created_at, expires_at = excluded.expires_at
       where k.expires_at < excluded.created_at
          or (k.response is null and k.locked_until < excluded.created_at and k.body_digest = any(?::text[]))
       returning id`,
      [newId(), tenantId, route, key, digests[0], lease, now, expiry, arrayOf(digests)],
    ),
  );
  if (made) return { operationId: made.id };
  return { row: await db.tenant(tenantId, (em) => em.findOne(IdempotencyKey, { tenantId, route, key })) };
}

async function execute(
  { db, clock, log }: Context,
  keys: Keyset,
  { tenantId, redact }: Keyed,
  operationId: string,
  work: (operationId: string) => Promise<Reply>,
): Promise<Reply> {
  try {
    const reply = await work(operationId);
    const response = keys.seal(JSON.stringify(redact(reply.body)), sealed.idempotentAnswer(operationId));
    await db.tenant(tenantId, (em) =>
      em.nativeUpdate(IdempotencyKey, { id: operationId }, { status: reply.status, response }),
    );
    return reply;
  } catch (error) {
    await release(error).catch((failure: unknown) =>
      log.warn({ err: failure }, 'an Idempotency-Key stays taken for a while'),
    );
    throw error;
  }

  /** A refusal did nothing: its key is free again, for a corrected request too. After a failure the same one may retry. */
  async function release(error: unknown): Promise<void> {
    const refused = error instanceof Problem && error.status < 500;
    await db.tenant(tenantId, async (em) => {
      if (refused) await em.nativeDelete(IdempotencyKey, { id: operationId });
      else
        await em.nativeUpdate(
          IdempotencyKey,
          { id: operationId },
          { lockedUntil: new Date(clock.now().getTime() - 1) },
        );
    });
  }
}
