import type { DueKind } from '../../db/queries/health/due-syncs.ts';

const minute = 60_000;

/** How long an account may be due before it counts as overdue: some turns of the sweep that takes it. In milliseconds. */
const graceMs: Readonly<Record<DueKind, number>> = { visits: 15 * minute, contacts: 60 * minute, tokens: 120 * minute };

/** What was due before this time is overdue. */
export const overdueSince = (kind: DueKind, now: Date): Date => new Date(now.getTime() - graceMs[kind]);
