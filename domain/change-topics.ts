/** What a caller can wait for. Triggers of the database announce these topics at commit. */
export const changeTopics = {
  /** An account has a new attempt, or one of its attempts another step or state, or something else left at the provider. */
  attempts: (accountId: string): string => `attempts/${accountId}`,
  /** A sync run has ended. */
  sync: (runId: string): string => `syncs/${runId}`,
  /** An erasure is done, or lifted. */
  erasure: (erasureId: string): string => `erasures/${erasureId}`,
  /** A bulk operation has another state. */
  bulk: (operationId: string): string => `bulk/${operationId}`,
};
