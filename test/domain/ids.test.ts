import fc from 'fast-check';
import { backfillQueue, connectionWorkflowId, syncWorkflowId } from '../../domain/workflow-ids.ts';

it('gives connect, reconnect and disconnect of an account one id, so that only one of them runs', () =>
  expect(connectionWorkflowId('a')).toBe('connection/a'));

it('has the scope of a sync in its id, so that a second trigger joins the run in progress', () => {
  expect(syncWorkflowId('details', 'a')).toBe('sync/details/a');
  expect(syncWorkflowId('conversation', 'a', 'c')).toBe('sync/conversation/a/c');
});

it('are unique', () => {
  const part = fc.uuid();
  const kind = fc.constantFrom('details', 'contacts', 'conversations');
  const named = fc.tuple(kind, part, fc.option(part, { nil: undefined }));
  fc.assert(
    fc.property(named, named, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(syncWorkflowId(...one) === syncWorkflowId(...other)).toBe(same);
      expect(connectionWorkflowId(one[1])).not.toBe(syncWorkflowId(...other));
    }),
  );
});

it('separates interactive calls from backfill', () => expect(backfillQueue('patchbay')).not.toBe('patchbay'));
