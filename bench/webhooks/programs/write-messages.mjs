// Writes messages to BENCH_TABLE; with BENCH_REDIS_PORT it then adds a job of BullMQ for the webhook of each.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';

const { BENCH_DATABASE_URL: url, BENCH_TABLE: table, BENCH_REDIS_PORT: redis, BENCH_PORT: port } = process.env;
const pool = new pg.Pool({ connectionString: url, max: 10 });
const { rows: conversations } = await pool.query('select id, tenant_id, account_id from conversations limit 1000');

let queue = null;
if (redis) {
  const [{ Queue }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
  queue = new Queue('deliveries', { connection: new Redis(Number(redis), '127.0.0.1') });
}
const job = { attempts: 20, backoff: { type: 'fixed', delay: 500 }, removeOnComplete: true };

const insert = `insert into ${table} (id, tenant_id, account_id, conversation_id, provider_message_id, sort_key, direction,
    text, versions, status, sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
  select id, tenant, account, conversation, id, id, 'in', 'The parcel arrives on Thursday.', '[]', 'delivered', now(), true,
    false, 'webhook', true, '[]', now(), now()
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) as r (id, tenant, account, conversation)`;

async function write(count) {
  const rows = Array.from({ length: count }, () => ({
    id: randomUUID(),
    of: conversations[Math.floor(Math.random() * conversations.length)],
  }));
  const values = [
    rows.map(({ id }) => id),
    ...['tenant_id', 'account_id', 'id'].map((name) => rows.map(({ of }) => of[name])),
  ];
  await pool.query({ name: 'insert', text: insert, values });
  const at = performance.timeOrigin + performance.now();
  await queue?.addBulk(
    rows.map(({ id, of }) => ({
      name: 'deliver',
      data: { id, account_id: of.account_id, conversation_id: of.id },
      opts: job,
    })),
  );
  return { ids: values[0], at };
}

createServer((request, response) => {
  const count = Number(new URL(request.url, 'http://bench').searchParams.get('messages'));
  write(count).then(
    (written) => response.end(JSON.stringify(written)),
    (error) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(port), '127.0.0.1');
