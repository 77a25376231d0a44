/** Contexts under which columns are sealed: a ciphertext opens only in its own row. */
export const sealed = {
  accountSecret: (accountId: string) => `accounts.secret:${accountId}`,
  rawDetails: (accountId: string) => `accounts.raw_details:${accountId}`,
  attemptInput: (attemptId: string) => `connection_attempts.input:${attemptId}`,
  callbackToken: (attemptId: string) => `connection_attempts.callback_token:${attemptId}`,
  stepContent: (stepId: string) => `connection_steps.content:${stepId}`,
  stepAnswer: (answerId: string) => `connection_steps.answer:${answerId}`,
  credentials: (id: string) => `provider_credentials.settings:${id}`,
  webhookSecrets: (id: string) => `provider_credentials.webhook_secrets:${id}`,
  webhookBody: (id: string) => `webhook_events.body:${id}`,
  idempotentAnswer: (id: string) => `idempotency_keys.response:${id}`,
};
