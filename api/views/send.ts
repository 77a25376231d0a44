import { z } from 'zod';
import { asFailureCode, whatToDo } from '../../domain/failures.ts';
import { sendStates } from '../../domain/sends.ts';
import type { MessageSend, SendQueue } from '../../db/entities/sends.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';

export const sendAnswer = z
  .object({
    state: z.enum(sendStates),
    send_at: time.nullable().describe('When it is to be sent; null: as soon as possible.'),
    waits_until: time.nullable().describe('When it is tried next, while it waits.'),
    waits_for: z
      .enum(['schedule', 'budget', 'rate_limited', 'account', 'quiet_hours', 'stopped', 'paused', 'retry'])
      .nullable()
      .describe(
        'What it waits for: its own time, the limits of the account or of its credentials, a pause that the provider asked for, the account, the end of quiet hours, that sending goes on after it was stopped, an operator that lets messages be sent again after a restore, or the next try.',
      ),
    tries: z.number().int(),
    template: z
      .object({ name: z.string(), language: z.string() })
      .nullable()
      .describe('The template that it is made of; null for others.'),
    quick_replies: z.array(z.object({ title: z.string(), payload: z.string().optional() })),
    tag: z.string().nullable().describe('Why it may go out after the window has closed.'),
    reason: failureReason.nullable(),
    what_to_do: z.string().nullable(),
    detail: z.string().nullable().describe("The provider's own words."),
  })
  .meta({ id: 'MessageSend' });

type Waits = Pick<z.input<typeof sendAnswer>, 'waits_until' | 'waits_for'>;

/** How a message is sent, as callers see it at a time. */
export const sendView = (send: MessageSend, queue: SendQueue | null, now: Date): z.input<typeof sendAnswer> => ({
  state: send.state,
  send_at: wireTimeOrNull(send.dueAt),
  ...waitsOf(send, queue, now),
  tries: send.tries,
  template: send.options?.template
    ? { name: send.options.template.name, language: send.options.template.language }
    : null,
  quick_replies: [...(send.options?.quickReplies ?? [])],
  tag: send.options?.tag ?? null,
  reason: send.reason === null ? null : asFailureCode(send.reason),
  what_to_do: whatToDo(send.reason),
  detail: send.detail,
});

function waitsOf({ state, dueAt, nextTryAt }: MessageSend, queue: SendQueue | null, now: Date): Waits {
  if (state !== 'queued') return { waits_until: null, waits_for: null };
  if (dueAt && dueAt > now) return { waits_until: wireTime(dueAt), waits_for: 'schedule' };
  const { holdsUntil = null, holdsFor = null } = queue ?? {};
  if (holdsFor === 'paused' || holdsFor === 'stopped') return { waits_until: null, waits_for: holdsFor };
  if (holdsUntil && holdsUntil > now && holdsUntil >= nextTryAt)
    return { waits_until: wireTime(holdsUntil), waits_for: holdsFor };
  return nextTryAt > now
    ? { waits_until: wireTime(nextTryAt), waits_for: 'retry' }
    : { waits_until: null, waits_for: null };
}
