import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';

const statements = JSON.parse(readFileSync(new URL('statements.json', import.meta.url), 'utf8'));
const { BENCH_DATABASE_URL: url, BENCH_CREDENTIALS: credentials = '', BENCH_SECRET: secret = '' } = process.env;

export const pool = new pg.Pool({ connectionString: url, max: 10 });
// A connection that is cut while it is idle; the pool makes another one.
pool.on('error', () => {});

/** Whether a request shows the secret. */
export function isSigned(request) {
  const [shown, right] = [Buffer.from(request.get('patchbay-webhook-secret') ?? ''), Buffer.from(secret)];
  return shown.length === right.length && timingSafeEqual(shown, right);
}

const run = (client, name, values) => client.query({ name, text: statements[name], values });

/** Stores a webhook in one transaction, a statement for each row. A repeat changes nothing. */
export async function store(raw) {
  const body = JSON.parse(raw);
  const key = [body.event, body.account_id, body.message_id].join(':');
  const [request, event, message] = [randomUUID(), randomUUID(), randomUUID()];
  const client = await pool.connect();
  try {
    await client.query('begin');
    const claimed = await run(client, 'claim', [credentials, key, event]);
    if (claimed.rowCount) {
      const { id: account, tenant_id: tenant } = (await run(client, 'account', [credentials, body.account_id])).rows[0];
      await run(client, 'request', [request, tenant, credentials, raw]);
      await run(client, 'event', [event, request, tenant, credentials, account, body.account_id, body.event, key]);
      const at = new Date(body.timestamp);
      const chat = [randomUUID(), tenant, account, body.chat_id, message, at];
      const { id: conversation } = (await run(client, 'conversation', chat)).rows[0];
      await run(client, 'message', [message, tenant, account, conversation, body.message_id, body.message, at]);
      await run(client, 'keys', [account, body.message_id, tenant, message, body.provider_message_id]);
      const digest = createHash('sha256').update(body.sender.attendee_provider_id).digest('hex');
      await run(client, 'person', [request, digest, tenant]);
      await run(client, 'told', [
        tenant,
        account,
        JSON.stringify({ message_id: message, conversation_id: conversation }),
      ]);
    }
    await client.query('commit');
    client.release();
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(error);
    throw error;
  }
}
