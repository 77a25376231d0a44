import { z } from 'zod';
import { usualRepliesMinutes } from '../../domain/quiet-hours.ts';

const time = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 08:00.')
  .meta({ description: "By the clock of the tenant's time zone.", examples: ['08:00'] });
const differ = ({ from, to }: { from: string; to: string }): boolean => from !== to;
const mustDiffer = { path: ['to'], error: 'must be another time than from.' };

/** Hours of each day; `to` may be on the next one. */
export const dayHours = z
  .object({ from: time, to: time })
  .refine(differ, mustDiffer)
  .describe('Hours of each day, from from on until before to, which may be on the next day.');

/** Hours in which nothing is sent. */
export const quietHours = z
  .object({
    from: time,
    to: time,
    replies_within_minutes: z
      .number()
      .int()
      .min(0)
      .max(1_440)
      .default(usualRepliesMinutes)
      .describe('Conversations whose person wrote within so many minutes are answered all the same; 0: none is.'),
  })
  .refine(differ, mustDiffer);
