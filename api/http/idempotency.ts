import { setTimeout as pause } from 'node:timers/promises';
import { endLease, findKey, freeKey, storeReply, takeKey } from '../../db/queries/tenants/idempotency-keys.ts';
import type { IdempotencyKey } from '../../db/entities/tenants.ts';
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
/** How long a repeat waits for the first request's answer, and how often it checks, in milliseconds. */
const repeatPatienceMs = 20_000;
const repeatCheckMs = 150;

/** A request under an Idempotency-Key. */
export interface KeyedRequest {
  tenantId: string;
  /** The route as it is declared: one key of a client may serve several routes. */
  route: string;
  key: string;
  /** The request as one text; only its keyed digest is kept. */
  content: string;
  /** The answer as it may be kept: without the fields that are shown once. */
  redact(body: unknown): unknown;
}

/**
 * Runs `work` once for a key. A repeat gets the first answer, and waits for it while the first request runs; another
 * request under the same key is refused. `work` gets an id that stays the same when an execution died half-way and a
 * repeat takes over, so that it finds what was already done. Failures are not kept: a repeat tries again.
 */
export async function once(
  context: Context,
  request: KeyedRequest,
  work: (operationId: string) => Promise<Reply>,
): Promise<Reply & { replayed: boolean }> {
  const keys = await context.vault.keysOf(context.db, request.tenantId);
  const digests = keys.digests('idempotency', request.content);
  const end = performance.now() + repeatPatienceMs;
  for (;;) {
    const operationId = await take(context, request, digests);
    if (operationId) return { ...(await execute(context, keys, request, operationId, work)), replayed: false };
    const row = await context.db.tenant(request.tenantId, (em) => findKey(em, request));
    if (row && !digests.includes(row.bodyDigest))
      throw new Problem('idempotency_key_reused', 'This Idempotency-Key was used with another request.');
    const first = row && storedReply(keys, row);
    if (first) return { ...first, replayed: true };
    if (performance.now() > end || context.stopping.aborted)
      throw new Problem('request_in_progress', undefined, { retryAfter: 5 });
    await pause(repeatCheckMs);
  }
}

function take(
  { db, clock }: Context,
  { tenantId, route, key }: KeyedRequest,
  digests: readonly [string, ...string[]],
): Promise<string | null> {
  const now = clock.now();
  const lockedUntil = new Date(now.getTime() + leaseMs);
  const expiresAt = new Date(now.getTime() + keepMs);
  const claim = { id: newId(), tenantId, route, key, digests, now, lockedUntil, expiresAt };
  return db.tenant(tenantId, (em) => takeKey(em, claim));
}

/** The answer of the first request; null while it runs. */
const storedReply = (keys: Keyset, { id, status, response }: IdempotencyKey): Reply | null =>
  response === null
    ? null
    : { status: status ?? 200, body: JSON.parse(keys.open(response, sealed.idempotentAnswer(id))) as unknown };

async function execute(
  { db, clock, log }: Context,
  keys: Keyset,
  { tenantId, redact }: KeyedRequest,
  operationId: string,
  work: (operationId: string) => Promise<Reply>,
): Promise<Reply> {
  try {
    const reply = await work(operationId);
    const response = keys.seal(JSON.stringify(redact(reply.body)), sealed.idempotentAnswer(operationId));
    await db.tenant(tenantId, (em) => storeReply(em, operationId, reply.status, response));
    return reply;
  } catch (error) {
    await release(error).catch((failure: unknown) =>
      log.warn({ err: failure }, 'an Idempotency-Key stays taken for a while'),
    );
    throw error;
  }

  /** A refused request did nothing, so its key is free for a corrected one. After a failure the same request may retry. */
  async function release(error: unknown): Promise<void> {
    const refused = error instanceof Problem && error.status < 500;
    await db.tenant(tenantId, (em) =>
      refused ? freeKey(em, operationId) : endLease(em, operationId, new Date(clock.now().getTime() - 1)),
    );
  }
}
