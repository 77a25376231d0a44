import {
  claimVisits,
  credentialsToVisit,
  releaseVisits,
  type Bucket,
  type ClaimedVisits,
} from '../../db/queries/visits/claim-visits.ts';
import { countBehind } from '../../db/queries/visits/news.ts';
import { noteBucket, settleVisits } from '../../db/queries/visits/settle-visits.ts';
import { evidenceOf } from '../../db/queries/visits/visit-evidence.ts';
import { uptimesSince } from '../../db/queries/webhooks/intake-uptime.ts';
import type { SweepCounts, SweepProgress } from '../../domain/syncs.ts';
import { upSince } from '../../domain/webhook-silence.ts';
import type { Context } from '../context.ts';
import { keepsHistory } from '../provider-names.ts';
import { visitAccount, type Visit } from './visit-account.ts';
import { createSharedTargets, type SharedTargets } from './webhook-targets.ts';

/** Accounts of one lease, and those of them that are visited at the same time. */
const most = 20;
const atOnce = 10;
/** A slow provider takes one of a worker's slots at the most. */
const bucket: Bucket = { places: 2 * most, slowFromMs: 2_000, slowPlaces: atOnce };
/** Longer than the visits of one lease may take, in milliseconds. */
const leaseMs = 6 * 60_000;
/** How far back silences of our own are looked for, in milliseconds. */
const uptimesMs = 14 * 86_400_000;

/** A part of a sweep: when it began, and how long it may go on, in milliseconds since the epoch by this machine's time. */
interface VisitingRef {
  /** Accounts that are due later belong to the next sweep. */
  beganAt: number;
  endsAt: number;
  /** From then on providers that are slow, or have trouble, are left to the next sweep. */
  slowUntil: number;
  signal: AbortSignal;
}

/** Visits accounts. One for each process: what a provider tells of all accounts is asked once. */
export interface Visitor {
  /** Visits accounts that are due until none is left that has a place, or the time is over (`more`). */
  visitDue(ref: VisitingRef): Promise<SweepProgress>;
}

export function createVisitor(context: Context): Visitor {
  const { db, clock } = context;
  const targets = createSharedTargets();
  const uptimes = rememberFor(60_000, async () => {
    const since = new Date(clock.now().getTime() - uptimesMs);
    return upSince(await db.system((em) => uptimesSince(em, since)));
  });

  return {
    async visitDue({ beganAt, endsAt, slowUntil, signal }) {
      // By the context's clock, which may be ahead of this machine's.
      const dueAt = new Date(clock.now().getTime() - Math.max(0, Date.now() - beganAt));
      const counts: SweepCounts = { accounts: 0, failed: 0 };
      let candidates: string[] = [];
      for (;;) {
        signal.throwIfAborted();
        if (Date.now() >= endsAt) return { more: true, ...counts };
        const due = { now: clock.now(), dueAt, withSlow: Date.now() < slowUntil };
        if (!candidates.length) candidates = await db.system((em) => credentialsToVisit(em, due, bucket, 50));
        const claim = await firstClaim(context, candidates, due);
        // What is left has no place now: others visit it.
        if (!claim) return { more: false, ...counts };
        const visits = await visitClaim(context, targets, await uptimes(), claim, signal);
        counts.accounts += visits.length;
        counts.failed += visits.filter(({ settled }) => settled.outcome === 'failed').length;
      }
    },
  };
}

/** Takes candidates off their list until one has accounts and places. */
async function firstClaim(
  { db, clock }: Context,
  candidates: string[],
  due: { now: Date; dueAt: Date; withSlow: boolean },
): Promise<ClaimedVisits | null> {
  for (let id = candidates.shift(); id !== undefined; id = candidates.shift()) {
    const credentialsId = id;
    const until = new Date(clock.now().getTime() + leaseMs);
    const claim = await db.system((em) => claimVisits(em, credentialsId, due, bucket, until, most));
    if (claim) return claim;
  }
  return null;
}

async function visitClaim(
  context: Context,
  targets: SharedTargets,
  since: number | null,
  { lease, credentialsId, accounts }: ClaimedVisits,
  signal: AbortSignal,
): Promise<Visit[]> {
  const { db, clock } = context;
  const group = { context, targets, lease, upSince: since, signal };
  const evidence = await db.system((em) => evidenceOf(em, lease, accounts, clock.now()));
  const turns = evidence.values();
  const visits: Visit[] = [];
  const work = async (): Promise<void> => {
    for (const one of turns) {
      if (signal.aborted) return;
      visits.push(await visitAccount(group, one));
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(atOnce, evidence.length) }, work));
  const withHistory = evidence
    .filter(({ provider, channel }) => keepsHistory(context.providers[provider], channel))
    .map(({ id }) => id);
  const now = clock.now();
  await db.system(async (em) => {
    const behind = new Map((await countBehind(em, withHistory)).map(({ id, n }) => [id, n]));
    for (const id of withHistory) behind.set(id, behind.get(id) ?? 0);
    const settled = visits.map((visit) => ({ ...visit.settled, behind: behind.get(visit.settled.id) ?? null }));
    await settleVisits(em, lease, settled, now);
    await releaseVisits(em, lease, accounts, now);
    await noteBucket(em, credentialsId, newsOf(visits), now);
  });
  const provider = evidence[0]?.provider ?? '';
  for (const { settled } of visits) context.metrics.visits.inc({ provider, outcome: settled.reason ?? 'ok' });
  const broken = outcomes.find((one) => one.status === 'rejected');
  if (broken) throw broken.reason;
  return visits;
}

/** From this share of visits that failed for the provider's trouble, its credentials rest. Fewer visits prove nothing. */
const down = { share: 0.8, least: 5 };

function newsOf(visits: readonly Visit[]): { meanMs: number | null; isDown: boolean } {
  const called = visits.flatMap(({ callsMs, settled }) => (callsMs === null ? [] : [{ callsMs, settled }]));
  if (!called.length) return { meanMs: null, isDown: false };
  const troubled = called.filter(({ settled: { reason } }) => reason !== null && isTrouble(reason));
  return {
    meanMs: called.reduce((sum, { callsMs }) => sum + callsMs, 0) / called.length,
    isDown: called.length >= down.least && troubled.length >= down.share * called.length,
  };
}

const isTrouble = (reason: string): boolean =>
  reason === 'provider_unavailable' || reason === 'rate_limited' || reason === 'provider_key_rejected';

/** What `read` answers, read once in so many milliseconds. */
function rememberFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let known: { value: Promise<T>; until: number } | null = null;
  return () => {
    if (known && known.until > performance.now()) return known.value;
    const entry = { value: read(), until: performance.now() + ms };
    known = entry;
    entry.value.catch(() => (entry.until = 0));
    return entry.value;
  };
}
