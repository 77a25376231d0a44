import { firstId } from '../../platform/ids.ts';
import { addCounts } from '../../db/queries/erasures/erasures.ts';
import type { Person } from '../../db/queries/erasures/find-person.ts';
import { answersAfter, replaceAnswer } from '../../db/queries/erasures/stored-answers.ts';
import { tryOpen } from '../../platform/try-open.ts';
import { sealed } from '../../db/sealed.ts';
import { tracesOf } from '../../domain/erasure.ts';
import type { Context } from '../context.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Answers that are opened at once. */
const pageSize = 200;

/** What a repeat of a request is told then. It is not done again: it was done. */
const erasedAnswer = {
  type: 'urn:patchbay:problem:answer_erased',
  title: 'The answer is not kept any more',
  status: 410,
  code: 'answer_erased',
  detail: 'The request was done before. Its answer named a person who was erased since.',
  fix: 'Read what you need anew.',
};

/** Replaces the answers kept for repeats of requests that name the person or one of their contacts. */
export async function eraseAnswers(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  { subjects, contactIds }: Person,
): Promise<void> {
  const traces = [...tracesOf(subjects), ...contactIds];
  if (!traces.length) return;
  for (let after: string | null = firstId; after !== null;)
    after = await db.tenant(tenantId, async (em) => {
      const page = await answersAfter(em, after ?? firstId, pageSize);
      const keys = await vault.keysOf(em, tenantId);
      let replaced = 0;
      for (const stored of page) {
        const place = sealed.idempotentAnswer(stored.id);
        const text = tryOpen(keys, stored.response, place);
        if (!traces.some((trace) => text?.includes(trace))) continue;
        const answer = keys.seal(JSON.stringify({ ...erasedAnswer, request_id: stored.id }), place);
        if (await replaceAnswer(em, stored, answer)) replaced += 1;
      }
      await addCounts(em, erasureId, { stored_answers: replaced });
      return page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
    });
}
