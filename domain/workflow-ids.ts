// Workflow ids are the product's mutexes, so all of them are built here.

/** Shared by connect, reconnect and disconnect of an account. */
export const connectionWorkflowId = (accountId: string): string => `connection/${accountId}`;

/** Holds the scope, so that a second trigger joins the run in progress. */
export const syncWorkflowId = (kind: string, accountId: string, scope?: string): string =>
  scope ? `sync/${kind}/${accountId}/${scope}` : `sync/${kind}/${accountId}`;

/** Starts the syncs that a tenant's requests opened. */
export const startSyncsWorkflowId = (kind: string, tenantId: string): string => `start-syncs/${kind}/${tenantId}`;

/** Drains the queue of an account. */
export const sendWorkflowId = (accountId: string): string => `send/${accountId}`;

export const bulkWorkflowId = (operationId: string): string => `bulk/${operationId}`;

export const erasureWorkflowId = (erasureId: string): string => `erase/${erasureId}`;

/** The queue of bulk fetches, beside the queue of calls that a person waits for. */
export const backfillQueue = (queue: string): string => `${queue}-backfill`;
