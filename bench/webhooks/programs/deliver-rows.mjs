// Looks for new messages each 250 ms, and delivers their webhooks.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { atOnce, deliver } from './deliver.mjs';

const client = new pg.Client({ connectionString: process.env.BENCH_DATABASE_URL });
await client.connect();
const text = 'select n, id, account_id, conversation_id from bench.messages where n > $1 order by n limit 1000';
const { rows: newest } = await client.query('select coalesce(max(n), 0) as n from bench.messages');

for (let last = newest[0].n; ;) {
  const { rows } = await client.query({ name: 'poll', text, values: [last] });
  let next = 0;
  const loop = async () => {
    for (let row = rows[next++]; row; row = rows[next++]) await deliver(row);
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  last = rows.at(-1)?.n ?? last;
  if (rows.length < 1000) await pause(250);
}
