import { runSql } from '../support/run-sql.ts';
import type { Answer, ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import type { TestApi } from '../api/support.ts';

/** Entries by a filter, the newest first, through every page. */
export async function entriesOf(client: ApiClient, filter: Record<string, string> = {}): Promise<any[]> {
  const items: any[] = [];
  for (let cursor: string | null = null; ;) {
    const query = new URLSearchParams({ limit: '200', ...filter, ...(cursor && { cursor }) });
    const { status, body } = await client.get(`/api/v1/audit?${query.toString()}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    items.push(...body.items);
    cursor = body.next_cursor;
    if (cursor === null) return items;
  }
}

/** The entries of one request, by the id in its answer. Read by SQL: reading the log must not change what is found. */
export const recordedOf = ({ context }: TestApi, answer: { headers: Headers }): Promise<any[]> =>
  context.db.system((em) =>
    runSql(em, 'select * from audit_entries where request_id = ?::uuid order by at, outcome', [
      answer.headers.get('x-request-id'),
    ]),
  );

/** The only entry of a request. */
export async function entryOf(api: TestApi, answer: Answer | Response): Promise<any> {
  const found = await recordedOf(api, answer);
  expect(found).toHaveLength(1);
  return found[0];
}

/** Everything that the table holds, as text. */
export const allText = ({ context }: TestApi): Promise<string> =>
  context.db.system(async (em) =>
    (await runSql<{ line: string }>(em, 'select row_to_json(e)::text as line from audit_entries e'))
      .map(({ line }) => line)
      .join('\n'),
  );

/** Waits until a request has its entries: an answer to a refused key may come before the entry of the work it left. */
export const settled = (api: TestApi, answer: { headers: Headers }): Promise<any[]> =>
  eventually('an entry', async () => {
    const found = await recordedOf(api, answer);
    return found.length ? found : null;
  });
