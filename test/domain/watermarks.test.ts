import fc from 'fast-check';
import { mergeExtras, type MessageExtras } from '../../domain/message-extras.ts';
import {
  applyEffect,
  shownStatus,
  withWatermarks,
  type MessageEffect,
  type MessageState,
} from '../../domain/messages.ts';

const at = 1_793_613_600_000;
const sent: MessageState = {
  direction: 'out',
  senderId: null,
  versions: [{ text: 'Hi', at: null }],
  status: 'sent',
  sentAt: at,
  sentAtKnown: true,
  editedAt: null,
  deletedAt: null,
  deletionConfirmed: false,
  toldBy: 'signed',
  isLive: true,
  event: null,
  quotedKey: null,
  reactions: [],
  extras: {},
};
const failure = { reason: 'window_closed', detail: 'Meta told error 131047.' } as const;
const status = (one: 'sent' | 'delivered' | 'read' | 'failed', more: object = {}): MessageEffect => ({
  kind: 'status',
  status: one,
  by: null,
  at,
  ...more,
});

describe('a watermark', () => {
  const reach = (change: Partial<MessageState>, delivered: number | null, read: number | null) =>
    withWatermarks({ ...sent, ...change }, { delivered, read }).status;

  it('reaches what was sent up to it, and not what came later', () => {
    expect([reach({}, at, null), reach({}, at - 1, null)]).toEqual(['delivered', 'sent']);
    expect([reach({}, null, at), reach({}, at + 1, at - 1)]).toEqual(['read', 'delivered']);
    expect(reach({ status: 'played' }, at, at)).toBe('played');
    expect(reach({ status: 'read' }, at, null)).toBe('read');
  });

  it('reaches no message of the person, none that waits, and none of which the time is ours', () => {
    expect(reach({ direction: 'in', status: 'delivered' }, at, at)).toBe('delivered');
    expect(reach({ direction: null }, at, at)).toBe('sent');
    expect(reach({ sentAtKnown: false }, at, at)).toBe('sent');
    expect(reach({ event: 'id_changed' }, at, at)).toBe('sent');
    for (const waiting of ['queued', 'sending', 'unclear', 'failed'] as const)
      expect(reach({ status: waiting }, at, at)).toBe(waiting);
  });
});

describe('a failure that the provider tells', () => {
  const shown = (...effects: MessageEffect[]) => shownStatus(effects.reduce(applyEffect, sent));

  it('is shown, and loses to any proof of arrival', () => {
    expect(shown(status('failed', { failure }))).toBe('failed');
    expect(shown(status('failed', { failure }), status('sent'))).toBe('failed');
    expect(shown(status('failed', { failure }), status('delivered'))).toBe('delivered');
    expect(shown(status('read'), status('failed', { failure }))).toBe('read');
    // Without a reason it is our own, of a message that was not taken.
    expect(shown(status('failed'))).toBe('sent');
  });

  it('ends the same in every order, with its reason and its price', () => {
    const effects = [
      status('sent', { pricing: { billable: true, model: 'PMP', type: 'regular', category: 'utility' } }),
      status('failed', { failure }),
      status('failed', { failure: { ...failure, detail: 'Meta told error 1.' } }),
      status('delivered', { at: at + 1 }),
    ];
    const outcome = (order: readonly MessageEffect[]) => {
      const state = order.reduce(applyEffect, sent);
      return { status: shownStatus(state), extras: state.extras };
    };
    const expected = outcome(effects);
    expect(expected.extras).toMatchObject({ failure: { at }, pricing: { model: 'PMP' } });
    fc.assert(
      fc.property(fc.shuffledSubarray(effects, { minLength: effects.length }), (order) =>
        expect(outcome(order)).toEqual(expected),
      ),
    );
  });
});

it('what is known beside a message is one, in whichever order it was told', () => {
  const extras: fc.Arbitrary<MessageExtras> = fc.record(
    {
      failure: fc.record({ reason: fc.constant('not_found' as const), detail: fc.string(), at: fc.nat(3) }),
      pricing: fc.record({
        billable: fc.option(fc.boolean()),
        model: fc.option(fc.string()),
        type: fc.constant(null),
        category: fc.constant(null),
        at: fc.nat(3),
      }),
      context: fc.record({ payload: fc.string(), forwarded: fc.constant(true as const) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(extras, extras, extras, (a, b, c) => {
      expect(mergeExtras(a, b)).toEqual(mergeExtras(b, a));
      expect(mergeExtras(mergeExtras(a, b), c)).toEqual(mergeExtras(a, mergeExtras(b, c)));
      expect(mergeExtras(a, a)).toEqual(a);
    }),
  );
});
