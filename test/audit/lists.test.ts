import { rows, sql } from '../../db/sql.ts';
import { newId } from '../../platform/ids.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { runSql } from '../support/run-sql.ts';
import { entriesOf } from './entries.ts';

let api: TestApi;
let client: ApiClient;
let tenant: string;
const actors = [newId(), newId()];
const targets = Array.from({ length: 10 }, newId);
const hour = 3_600_000;
const count = 2_400;
const end = Date.now() - 30 * 24 * hour;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.clientOf('lists');
  // By the system's role, as processes add them; one entry an hour, which is a hundred days.
  await api.context.db.system(async (em) => {
    const [row] = await runSql<{ id: string }>(em, "select id from tenants where name = 'lists'");
    tenant = row!.id;
    await rows(
      em,
      sql`insert into audit_entries (id, tenant_id, at, kind, via, actor, action, target, operation, outcome, details)
          select gen_random_uuid(), ${tenant}::uuid, to_timestamp(${end} / 1000.0) - n / 2 * interval '2 hours',
            case when n % 3 = 0 then 'look' else 'write' end, 'api', (${actors}::text[])[1 + n % 2], 'action' || n % 7,
            (${targets}::text[])[1 + n % 10], null, case when n % 100 = 0 then 'refused' else 'accepted' end,
            '{"n, \\"quoted\\"": 1}'
          from generate_series(1, ${count}::int) n`,
    );
  });
}, 120_000);
afterAll(() => api?.stop());

describe('F7: the list', () => {
  it('goes through everything by cursor, the newest first, each once, also where entries have one time', async () => {
    const found = await entriesOf(client, { limit: '37' });
    expect(found).toHaveLength(count);
    expect(new Set(found.map(({ id }) => id)).size).toBe(count);
    const times: string[] = found.map(({ at }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  it.each([
    ['actor', actors[0]!, count / 2],
    ['target', targets[3]!, count / 10],
    ['action', 'action3', 343],
    ['kind', 'look', count / 3],
    ['outcome', 'refused', count / 100],
  ])('is narrowed by %s', async (name, value, n) => {
    const found = await entriesOf(client, { [name]: value, limit: '50' });
    expect(found).toHaveLength(n);
    expect(new Set(found.map((one) => one[name]))).toEqual(new Set([value]));
  });

  it('is narrowed by time: from includes its moment, to does not', async () => {
    const at = (hours: number): string => new Date(end - hours * hour).toISOString();
    const found = await entriesOf(client, { from: at(50), to: at(10) });
    const times = (found.map((one) => one.at) as string[]).toSorted();
    expect([times[0], times.at(-1)]).toEqual([at(50), at(12)]);
    expect(found).toHaveLength(40);
  });

  it('answers a wrong cursor, time or filter with 422', async () => {
    for (const query of ['cursor=x', 'from=yesterday', 'kind=other', 'who=me'])
      expect([query, (await client.get(`/api/v1/audit?${query}`)).status]).toEqual([query, 422]);
  });
});

describe('F7: the export', () => {
  it('has the same entries as lines of JSON', async () => {
    const { status, headers, body } = await client.get('/api/v1/audit/export?outcome=refused');
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('application/x-ndjson')]);
    const lines = String(body).trimEnd().split('\n');
    const listed = await entriesOf(client, { outcome: 'refused' });
    expect(lines.map((line) => JSON.parse(line))).toEqual(listed);
  });

  it('has all of them as CSV, a line each, with what needs quotes quoted', async () => {
    const { headers, body } = await client.get('/api/v1/audit/export?format=csv&kind=look&action=action3');
    expect(headers.get('content-type')).toContain('text/csv');
    expect(headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    const [head, ...lines] = String(body).trimEnd().split('\r\n');
    expect(head).toBe('id,at,kind,via,actor,action,target,operation_id,address,request_id,outcome,code,details');
    expect(lines).toHaveLength((await entriesOf(client, { kind: 'look', action: 'action3' })).length);
    expect(lines[0]).toMatch(/,"\{""n, \\""quoted\\"""":1\}"$/);
  });

  it('ends the same although entries are added meanwhile', async () => {
    const [body] = await Promise.all([
      client.get('/api/v1/audit/export?kind=look'),
      ...Array.from({ length: 20 }, (_, n) => client.post('/api/v1/api-keys', { name: `during ${n}` })),
    ]);
    expect(String(body.body).trimEnd().split('\n').length).toBeGreaterThanOrEqual(count / 3);
  });
});
