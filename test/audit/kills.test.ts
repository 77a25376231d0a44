import { createClient } from '../support/client.ts';
import { runSql } from '../support/run-sql.ts';
import { testKey } from '../support/key.ts';
import { startApiProcess } from '../api/process.ts';
import { startTestApi, type TestApi } from '../api/support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ ENCRYPTION_KEY: testKey });
});
afterAll(() => api?.stop());

const query = <T>(sql: string): Promise<T[]> =>
  api.context.db.system((em) => runSql<T & object>(em, sql)) as Promise<T[]>;

it('F7: a process that is killed leaves no effect without its record', async () => {
  const { key } = await api.clientOf('killed');
  for (let round = 0; round < 3; round += 1) {
    const process = await startApiProcess(api);
    const client = createClient(process.url, key);
    let answered = 0;
    let isOver = false;
    const caller = async (n: number): Promise<void> => {
      for (let at = 0; !isOver; at += 1) {
        const what = { name: `${round}-${n}-${at}` };
        // Each third one under an Idempotency-Key, each third one an account with its attempt.
        const headers = at % 3 ? undefined : { 'idempotency-key': what.name };
        const sent =
          at % 3 === 1
            ? client.post('/api/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/events' })
            : client.post('/api/v1/api-keys', what, headers);
        await sent.then(
          () => (answered += 1),
          () => (isOver = true),
        );
      }
    };
    const callers = Array.from({ length: 8 }, (_, n) => caller(n));
    while (answered < 40 * (round + 1)) await new Promise((resolve) => setTimeout(resolve, 5));
    await process.kill();
    isOver = true;
    await Promise.all(callers);
    expect(answered).toBeGreaterThan(0);
  }
  const [{ effects, recorded } = { effects: 0, recorded: 0 }] = await query<{ effects: number; recorded: number }>(
    `with made as (select id from api_keys where name ~ '^[0-9]-' union all select id from webhook_endpoints)
     select count(*)::int as effects, count(*) filter (where exists (
       select from audit_entries a where a.operation = made.id and a.outcome = 'accepted'))::int as recorded from made`,
  );
  expect(effects).toBeGreaterThan(100);
  expect(recorded).toBe(effects);
}, 240_000);
