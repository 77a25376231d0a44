/** A ciphertext opens only in its own row. */
export const sealed = {
  accountSecret: (accountId: string) => `accounts.secret:${accountId}`,
  providerKeys: (accountId: string) => `accounts.provider_keys:${accountId}`,
  rawDetails: (accountId: string) => `accounts.raw_details:${accountId}`,
  attemptInput: (attemptId: string) => `connection_attempts.input:${attemptId}`,
  callbackToken: (attemptId: string) => `connection_attempts.callback_token:${attemptId}`,
  stepContent: (stepId: string) => `connection_steps.content:${stepId}`,
  stepAnswer: (answerId: string) => `connection_steps.answer:${answerId}`,
  credentials: (id: string) => `provider_credentials.settings:${id}`,
  webhookSecrets: (id: string) => `provider_credentials.webhook_secrets:${id}`,
  endpointHeaders: (id: string) => `webhook_endpoints.headers:${id}`,
  endpointSecrets: (id: string) => `webhook_endpoints.secrets:${id}`,
  // Named after the column that bodies were first in: those sealed there still open.
  webhookBody: (requestId: string) => `webhook_events.body:${requestId}`,
  attachmentSource: (id: string) => `attachments.source:${id}`,
  contactRaw: (contactId: string) => `contacts.raw_wasender_data:${contactId}`,
  syncTarget: (runId: string) => `sync_runs.target:${runId}`,
  erasureTarget: (erasureId: string) => `erasures.target:${erasureId}`,
  bulkTarget: (id: string) => `bulk_operations.target:${id}`,
  idempotentAnswer: (id: string) => `idempotency_keys.response:${id}`,
  ledgerKey: (id: string) => `ledger_keys.value:${id}`,
  dataKey: (id: string, tenantId: string | null) => `data_keys.wrapped:${tenantId ?? ''}:${id}`,
};

/** `of`: the row's id, or the id of the answer in it. */
export interface SealedColumn {
  table: string;
  column: string;
  of: 'id' | 'answer_id';
  context(id: string): string;
}

/** Every column with values sealed by a data key. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'accounts', column: 'secret', of: 'id', context: sealed.accountSecret },
  { table: 'accounts', column: 'provider_keys', of: 'id', context: sealed.providerKeys },
  { table: 'accounts', column: 'raw_details', of: 'id', context: sealed.rawDetails },
  { table: 'connection_attempts', column: 'input', of: 'id', context: sealed.attemptInput },
  { table: 'connection_attempts', column: 'callback_token', of: 'id', context: sealed.callbackToken },
  { table: 'connection_steps', column: 'content', of: 'id', context: sealed.stepContent },
  { table: 'connection_steps', column: 'answer', of: 'answer_id', context: sealed.stepAnswer },
  { table: 'provider_credentials', column: 'settings', of: 'id', context: sealed.credentials },
  { table: 'provider_credentials', column: 'webhook_secrets', of: 'id', context: sealed.webhookSecrets },
  { table: 'webhook_endpoints', column: 'headers', of: 'id', context: sealed.endpointHeaders },
  { table: 'webhook_endpoints', column: 'secrets', of: 'id', context: sealed.endpointSecrets },
  { table: 'webhook_requests', column: 'body', of: 'id', context: sealed.webhookBody },
  { table: 'contacts', column: 'raw_wasender_data', of: 'id', context: sealed.contactRaw },
  { table: 'attachments', column: 'source', of: 'id', context: sealed.attachmentSource },
  { table: 'sync_runs', column: 'target', of: 'id', context: sealed.syncTarget },
  { table: 'erasures', column: 'target', of: 'id', context: sealed.erasureTarget },
  { table: 'bulk_operations', column: 'target', of: 'id', context: sealed.bulkTarget },
  { table: 'idempotency_keys', column: 'response', of: 'id', context: sealed.idempotentAnswer },
];
