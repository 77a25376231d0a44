/**
 * Workflow ids are the mutexes of the product, so all of them are built here.
 */

/** Connect, reconnect and disconnect of one account share this id: only one of them moves at a time. */
export const connectionWorkflowId = (accountId: string): string => `connection/${accountId}`;

/** A sync's id holds its scope, so that a second trigger joins the run in progress. */
export const syncWorkflowId = (kind: string, accountId: string, scope?: string): string =>
  scope ? `sync/${kind}/${accountId}/${scope}` : `sync/${kind}/${accountId}`;

/** The erasure of one person across a tenant's accounts. */
export const erasureWorkflowId = (erasureId: string): string => `erase/${erasureId}`;

/** The queue of activities that fetch in bulk, beside the one of calls that a person waits for. */
export const backfillQueue = (queue: string): string => `${queue}-backfill`;
