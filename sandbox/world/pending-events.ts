/** Events during an account's disconnection: applied when it is connected again. */
export interface PendingEvents {
  /** Returns the job's result, or null when it waits. */
  run<T>(connected: boolean, job: () => T): T | null;
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
          // Its message or chat was deleted with other contacts.
        }
      }
    },
  };
}
