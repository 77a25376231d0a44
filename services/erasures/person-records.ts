import type { Em } from '../../db/connect.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import type { Person } from '../../db/queries/erasures/find-person.ts';
import { subjectOfTarget } from '../../db/queries/erasures/redact-erased.ts';
import { answersAfter, type StoredAnswer } from '../../db/queries/erasures/stored-answers.ts';
import { targetedRunsAfter, type TargetedRun } from '../../db/queries/erasures/targeted-runs.ts';
import { sealed } from '../../db/sealed.ts';
import type { Vault } from '../../db/vault.ts';
import { tracesOf } from '../../domain/erasure.ts';
import { tryOpen } from '../../platform/try-open.ts';

/** Rows that are opened at once. */
const pageSize = { runs: 500, answers: 200 };

/** What was found in one page, and the row after which the next page begins; null at the end. */
interface Found<T> {
  found: T[];
  next: string | null;
}

/**
 * Syncs that were about a person, whose names have these digests. What a run was about is read from its target, since the
 * digest of its scope may be of an encryption key that is gone.
 */
export async function runsAbout(
  em: Em,
  vault: Vault,
  tenantId: string,
  digests: ReadonlySet<string>,
  after: string,
): Promise<Found<TargetedRun>> {
  const page = await targetedRunsAfter(em, after, pageSize.runs);
  const ledger = await openLedger(em, vault);
  const keys = await vault.keysOf(em, tenantId);
  const found = page.filter((run) => {
    const subject = subjectOfTarget(keys, run);
    return subject !== null && digests.has(ledger.digest(tenantId, subject));
  });
  return { found, next: page.length === pageSize.runs ? (page.at(-1)?.id ?? null) : null };
}

/** Answers kept for repeats of requests that name a person or one of their contacts, opened. */
export async function answersNaming(
  em: Em,
  vault: Vault,
  tenantId: string,
  { subjects, contactIds }: Person,
  after: string,
): Promise<Found<{ stored: StoredAnswer; text: string }>> {
  const traces = [...tracesOf(subjects), ...contactIds];
  if (!traces.length) return { found: [], next: null };
  const page = await answersAfter(em, after, pageSize.answers);
  const keys = await vault.keysOf(em, tenantId);
  const found = page.flatMap((stored) => {
    const text = tryOpen(keys, stored.response, sealed.idempotentAnswer(stored.id));
    return text !== null && traces.some((trace) => text.includes(trace)) ? [{ stored, text }] : [];
  });
  return { found, next: page.length === pageSize.answers ? (page.at(-1)?.id ?? null) : null };
}
