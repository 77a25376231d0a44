const copied = [
  'webhook_requests',
  'webhook_subjects',
  'webhook_events',
  'webhook_dedupe',
  'conversations',
  'messages',
  'provider_keys',
  'events',
];

/**
 * What the baselines write: each row that the product writes of a webhook, in tables with the same indexes, without row-level
 * security and triggers. Bodies are not sealed. Conversations have a unique key in place of the table of the provider's keys.
 */
export const createTables = `
create schema bench;
create sequence bench.events_seq;
${copied.map((name) => `create table bench.${name} (like ${name} including all);`).join('\n')}
create unique index on bench.conversations (account_id, provider_conversation_id);`;

/** The conversations that accounts have. */
export const copyConversations =
  'insert into bench.conversations select * from conversations on conflict do nothing; analyze bench.conversations';
