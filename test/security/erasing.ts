import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { runSql } from '../support/run-sql.ts';
import { sealedColumns } from '../../db/sealed.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, syncContacts, wasenderAccount } from '../support/wasender-account.ts';

export const people = { size: 20, seed: 'erased', lid_only: 0, nameless: 0, unsaved: 0 };

/** Two accounts of a tenant and one of another, with the same people. */
export interface ErasureFixture {
  stack: TestStack;
  other: ApiClient;
  one: { id: string; session: string };
  two: { id: string; session: string };
  theirs: { id: string; session: string };
}

export async function startErasureFixture(): Promise<ErasureFixture> {
  const stack = await startTestStack();
  const other = await stack.client('theirs');
  const one = await wasenderAccount(stack, stack.api, people);
  const two = await wasenderAccount(stack, stack.api, people);
  const theirs = await wasenderAccount(stack, other, people);
  return { stack, other, one, two, theirs };
}

/** A person of one test only. */
let persons = 0;
export const newPerson = () => {
  persons += 1;
  const digits = `3363998${String(70_000 + persons)}`;
  return {
    phone: `+${digits}`,
    jid: `${digits}@s.whatsapp.net`,
    lid: `9000000000${70_000 + persons}@lid`,
    name: `Ana${persons} Kite`,
  };
};
export type Person = ReturnType<typeof newPerson>;
export const entry = (of: Partial<SeenContact> & { id: string }): SeenContact => ({
  phone: null,
  lid: null,
  name: null,
  pushName: null,
  verifiedName: null,
  company: null,
  isBusiness: false,
  status: null,
  raw: of,
  ...of,
});

export function createErasing(stack: () => TestStack) {
  const query = <T = any>(sql: string, params: unknown[] = []): Promise<T[]> =>
    stack().worker.context.db.system((em) => runSql<T>(em, sql, params));
  const contactsOf = (client: ApiClient, account: string): Promise<any[]> =>
    everyPage(client, `/api/v1/contacts?account=${account}`);
  const byPhone = async (client: ApiClient, account: string, phone: string): Promise<any> =>
    (await contactsOf(client, account)).find((found) => found.phone_number === phone) ?? null;
  const tenantOf = async (account: string): Promise<string> =>
    (await query('select tenant_id from accounts where id = ?', [account]))[0].tenant_id;
  const erase = async (body: object, client = stack().api): Promise<any> => {
    const { status, body: answer } = await client.post('/api/v1/erasures?wait=20', body);
    expect(status).toBe(202);
    expect(answer.state).toBe('done');
    return answer;
  };

  /** As a sync does. */
  const save = async (account: string, ...entries: SeenContact[]): Promise<string[]> => {
    const { db, vault } = stack().worker.context;
    const of = { tenantId: await tenantOf(account), accountId: account, at: new Date(), vault, keep: null };
    return (await db.tenant(of.tenantId, (em) => saveContacts(em, of, entries))).map(({ contactId }) => contactId);
  };

  /** A session's event, as WASender sends it. */
  async function deliver(session: string, event: string, data: unknown): Promise<void> {
    const answer = await fetch(`${stack().config.providers['wasender']?.['base_url']}/whatsapp-sessions/${session}`, {
      headers: { authorization: 'Bearer 1|sandbox-pat' },
    });
    const { webhook_url: url, webhook_secret: secret } = ((await answer.json()) as any).data;
    const sent = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-webhook-signature': secret },
      body: JSON.stringify({ event, data }),
    });
    expect(sent.status).toBe(200);
  }
  let messages = 0;
  const message = (session: string, key: object): Promise<void> =>
    deliver(session, 'messages.received', {
      messages: { key: { id: `M${(messages += 1)}`, fromMe: false, ...key }, messageBody: `text ${messages}` },
    });
  const eventsOf = async (client: ApiClient, account: string): Promise<any[]> => {
    const list = await everyPage(client, `/api/v1/webhook-events?account=${account}&type=messages.received`);
    return Promise.all(list.map(async ({ id }) => (await client.get(`/api/v1/webhook-events/${id}`)).body));
  };

  /** Where data of a person still exists, in clear or in a sealed value. */
  async function tracesIn(tenantId: string, ...texts: string[]): Promise<string[]> {
    const { db, vault } = stack().worker.context;
    const keys = await vault.keysOf(db, tenantId);
    const found: string[] = [];
    const columns = await query<{ table_name: string; column_name: string }>(
      `select table_name, column_name from information_schema.columns c where table_schema = 'public'
         and table_name not in ('contacts_enriched', 'schema_migrations', 'tenants')
         and exists (select from information_schema.columns t where t.table_schema = 'public'
           and t.table_name = c.table_name and t.column_name = 'tenant_id')`,
    );
    for (const { table_name: table, column_name: column } of columns) {
      const values = await query<{ text: string }>(
        `select ${column}::text as text from ${table} where tenant_id = ? and ${column} is not null`,
        [tenantId],
      );
      if (values.some(({ text }) => texts.some((one) => text.includes(one)))) found.push(`${table}.${column}`);
    }
    for (const { table, column, of, context } of sealedColumns) {
      const values = await query<{ of: string; value: string }>(
        `select ${of} as of, ${column} as value from ${table} where tenant_id = ? and ${column} is not null`,
        [tenantId],
      );
      if (values.some((value) => texts.some((one) => keys.open(value.value, context(value.of)).includes(one))))
        found.push(`sealed ${table}.${column}`);
    }
    return found;
  }
  return {
    query,
    contactsOf,
    byPhone,
    tenantOf,
    sync: syncContacts,
    erase,
    save,
    deliver,
    message,
    eventsOf,
    tracesIn,
  };
}
