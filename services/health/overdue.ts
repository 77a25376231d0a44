import type { DueKind } from '../../db/queries/health/due-syncs.ts';
import { visitPeriodMs } from '../../domain/visits.ts';
import type { Context } from '../context.ts';

const minute = 60_000;

/** How long an account may be due before it counts as overdue: some turns of the sweep that takes it. In milliseconds. */
const graceMs: Readonly<Record<DueKind, number>> = {
  visits: 3 * visitPeriodMs,
  contacts: 60 * minute,
  tokens: 120 * minute,
};

/** What was due before this time is overdue. */
export const overdueSince = (kind: DueKind, now: Date): Date => new Date(now.getTime() - graceMs[kind]);

/** Whether a sweep takes what is due: without its Schedule an account stays due until a sync is requested. */
export function isSwept({ config }: Pick<Context, 'config'>, kind: DueKind): boolean {
  if (kind === 'contacts') return config.WASENDER_AUTO_SYNC_ENABLED;
  return kind !== 'visits' || config.PLATFORM_SYNC_ENABLED;
}
