const ANSWERS = ['SYNC_STARTED', 'SYNC_RUNNING', 'SYNC_DONE'] as const;

/** Started, then running, then done, then started again: one answer per call, so that no test has to wait. */
export function syncStatus(asked: { syncCalls: number }): (typeof ANSWERS)[number] {
  return ANSWERS[asked.syncCalls++ % ANSWERS.length]!;
}
