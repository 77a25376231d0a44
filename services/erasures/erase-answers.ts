import { firstId } from '../../platform/ids.ts';
import { addCounts } from '../../db/queries/erasures/erasures.ts';
import type { Person } from '../../db/queries/erasures/find-person.ts';
import { replaceAnswer } from '../../db/queries/erasures/stored-answers.ts';
import { sealed } from '../../db/sealed.ts';
import type { Context } from '../context.ts';
import { answersNaming } from './person-records.ts';
import type { ErasingRef } from './remember-erased.ts';

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
  person: Person,
): Promise<void> {
  for (let after: string | null = firstId; after !== null;)
    after = await db.tenant(tenantId, async (em) => {
      const { found, next } = await answersNaming(em, vault, tenantId, person, after ?? firstId);
      const keys = await vault.keysOf(em, tenantId);
      let replaced = 0;
      for (const { stored } of found) {
        const place = sealed.idempotentAnswer(stored.id);
        const answer = keys.seal(JSON.stringify({ ...erasedAnswer, request_id: stored.id }), place);
        if (await replaceAnswer(em, stored, answer)) replaced += 1;
      }
      await addCounts(em, erasureId, { stored_answers: replaced });
      return next;
    });
}
