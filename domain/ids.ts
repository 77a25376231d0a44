/**
 * Workflow ids are the mutexes of the product, so all of them are built here.
 */

/** Connect, reconnect and disconnect of one account share this id: only one of them moves at a time. */
export const connectionWorkflowId = (accountId: string): string => `connection/${accountId}`;

/** A sync's id holds its scope, so that a second trigger joins the run in progress. */
export const syncWorkflowId = (kind: string, accountId: string, scope?: string): string =>
  scope ? `sync/${kind}/${accountId}/${scope}` : `sync/${kind}/${accountId}`;

/** Task queues: calls a person waits for, provider backfill, and work on the database alone. */
export const taskQueues = {
  interactive: 'patchbay',
  backfill: 'patchbay-backfill',
} as const;
