import { z } from 'zod';
import { whoNames } from '../../domain/accounts.ts';
import type { StepKind } from '../../domain/steps.ts';
import { time } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';

/** A step of one kind, with what it carries. */
const stepOf = <const K extends StepKind, S extends z.ZodRawShape>(kind: K, carried: S) =>
  z
    .object({
      id: z.string().describe('Another one as soon as the step is another one: what a long poll notices.'),
      kind: z.literal(kind),
      instructions: z.string().describe('One sentence for the owner.'),
      expires_at: time.nullable(),
      attempts_left: z.number().int(),
      can_resend: z.boolean(),
      can_try_another_way: z.boolean(),
      ...carried,
    })
    .meta({ id: `Step${kind.charAt(0).toUpperCase()}${kind.slice(1)}` });

export const stepAnswer = z
  .discriminatedUnion('kind', [
    stepOf('redirect', { url: z.string().describe('Where the owner logs in.') }),
    stepOf('qr', {
      text: z.string().describe('What the code says.'),
      image_url: z
        .string()
        .describe('The code as a picture; the address needs no API key, and is good for some minutes.'),
    }),
    stepOf('code', { source: z.enum(['sms', 'app', 'mail', 'unknown']), length: z.number().int().optional() }),
    stepOf('phone', {}),
    stepOf('approve', {}),
    stepOf('captcha', { public_key: z.string().optional(), data: z.string().optional() }),
    stepOf('choose', { options: z.array(z.object({ id: z.string(), label: z.string() })) }),
    stepOf('wait', { for: z.string() }),
    stepOf('done', {}),
    stepOf('failed', {
      reason: failureReason.nullish(),
      who: z.enum(whoNames).nullish().describe('Who must act.'),
      what_to_do: z.string().nullish(),
    }),
  ])
  .meta({ id: 'Step' });
