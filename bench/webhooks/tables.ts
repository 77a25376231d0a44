const copied = ['webhook_requests', 'webhook_events', 'webhook_dedupe', 'conversations', 'messages'];

/**
 * What the baselines write: the product's tables with their indexes; no row-level security, no triggers. Conversations
 * have a unique key in place of the table of the provider's keys.
 */
export const createTables = `
create schema bench;
${copied.map((name) => `create table bench.${name} (like ${name} including all);`).join('\n')}
create unique index on bench.conversations (account_id, provider_conversation_id);`;

/** The conversations that accounts have. */
export const copyConversations =
  'insert into bench.conversations select * from conversations on conflict do nothing; analyze bench.conversations';
