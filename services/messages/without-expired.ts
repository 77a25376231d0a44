import type { Fact } from './facts.ts';

const dayMs = 86_400_000;

/** When the oldest message that a tenant keeps was sent, in milliseconds since the epoch; null: it keeps all. */
export const keptSince = (retentionDays: number | null, now: Date): number | null =>
  retentionDays === null ? null : now.getTime() - retentionDays * dayMs;

/** The facts of one tenant without messages that were sent before `since`: none that was removed for its age comes back. */
export const withoutExpired = (facts: readonly Fact[], since: number | null): readonly Fact[] =>
  since === null
    ? facts
    : facts.filter(({ told }) => told.kind !== 'message' || (told.message.sentAt ?? Infinity) >= since);
