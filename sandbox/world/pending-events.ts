/** What happens on the channel while an account is disconnected: kept, and shown when it is connected again. */
export interface PendingEvents {
  /** Runs the job now, or keeps it. Gives its result, or null when it was kept. */
  run<T>(connected: boolean, job: () => T): T | null;
  /** Runs what was kept, in order. */
  release(): void;
}

export function createPendingEvents(): PendingEvents {
  const kept: (() => unknown)[] = [];
  return {
    run(connected, job) {
      if (connected) return job();
      kept.push(job);
      return null;
    },
    release() {
      for (const job of kept.splice(0)) {
        try {
          job();
        } catch {
          // Its message or chat has gone since, with another address book.
        }
      }
    },
  };
}
