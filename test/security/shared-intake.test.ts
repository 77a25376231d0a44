import pg from 'pg';
import { WebhookEvent } from '../../db/entities/events.ts';
import { activate, connect, startTestApi, unique, webhookOf, type TestApi } from '../api/support.ts';
import { eventually } from '../support/eventually.ts';

let api: TestApi;
let hook: { address: string; secret: string };
beforeAll(async () => {
  api = await startTestApi();
  hook = await webhookOf(api);
});
afterAll(() => api?.stop());

/** Two accounts of a tenant, by their upstream ids. */
async function loginsOf(name: string): Promise<[string, string]> {
  const client = await api.clientOf(name);
  const made = await Promise.all(
    [1, 2].map(async () => {
      const { account } = await connect(client);
      const upstream = `up-${unique()}`;
      await activate(api, account.id, upstream);
      return upstream;
    }),
  );
  return made as [string, string];
}

const post = (account_id: string, bytes = 100): Promise<Response> =>
  fetch(hook.address, {
    method: 'POST',
    headers: { 'patchbay-webhook-secret': hook.secret },
    body: JSON.stringify({
      event: 'message_received',
      account_id,
      chat_id: `chat-${unique()}`,
      message_id: unique(),
      message: 'x'.repeat(bytes),
      sender: { attendee_provider_id: 'ana', attendee_name: 'Ana' },
    }),
  });

const stored = async (logins: readonly string[]): Promise<number> => {
  const [row] = await api.context.db.system((em) =>
    em.execute<{ n: string }[]>(
      `select count(*) as n from webhook_events where provider_account_id in (${logins.map(() => '?').join(', ')})`,
      [...logins],
    ),
  );
  return Number(row?.n);
};

it("SECURITY 17: the queue of group commit is bounded in bytes and age; beyond it 503 with Retry-After, never 200; one tenant's flood leaves another served", async () => {
  const [loud, calm] = [await loginsOf('loud'), await loginsOf('calm')];
  // From now on the process knows whose these logins are.
  for (const login of [...loud, ...calm]) expect((await post(login)).status).toBe(200);
  const { intake } = api.context.db;
  const gate = Promise.withResolvers<void>();
  let held = 0;
  api.context.db.intake = async (sender, work, more) => {
    held += 1;
    await gate.promise;
    return intake(sender, work, more);
  };
  const answers: { status: number; retryAfter: string | null }[] = [];
  const noted = async (asked: Promise<Response>): Promise<void> => {
    const { status, headers } = await asked;
    answers.push({ status, retryAfter: headers.get('retry-after') });
  };
  try {
    const flood: Promise<void>[] = [];
    for (const [n, login] of loud.entries()) {
      flood.push(noted(post(login)));
      await eventually('a lane to be taken', async () => held === n + 1);
    }
    // Of each login fewer than may wait; together more bytes than may wait of one tenant.
    for (let n = 0; n < 180; n += 1) flood.push(noted(post(loud[n % 2] as string, 55_000)));
    await eventually('refusals for bytes', async () => answers.length > 0);
    const calmer = post(calm[0]);
    await eventually('refusals for age', async () => answers.length === 180);
    expect(answers).toEqual(Array(180).fill({ status: 503, retryAfter: expect.stringMatching(/^[1-9]/) }));
    expect((await calmer).status).toBe(503);
    const waiting = post(calm[0]);
    gate.resolve();
    expect((await waiting).status).toBe(200);
    await Promise.all(flood);
  } finally {
    gate.resolve();
    api.context.db.intake = intake;
  }
  expect(answers.slice(180).map(({ status }) => status)).toEqual([200, 200]);
  expect([await stored(loud), await stored(calm)]).toEqual([4, 3]);

  const again = Array.from({ length: 150 }, (_, n) => post(loud[n % 2] as string, 20_000));
  for (let n = 0; n < 5; n += 1) expect((await post(calm[n % 2] as string)).status).toBe(200);
  const taken = (await Promise.all(again)).filter(({ status }) => status === 200).length;
  expect([await stored(loud), await stored(calm)]).toEqual([4 + taken, 8]);
});

it('SECURITY 17: an error of one request fails none of those that share its transaction', async () => {
  const logins = (await Promise.all(['one', 'two', 'three'].map(loginsOf))).flat();
  const owner = new pg.Client({ connectionString: api.database.ownerUrl });
  await owner.connect();
  await owner.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
    create trigger refuse before insert on messages for each row when (new.text = 'x') execute function refuse()`);
  await owner.end();
  const { intake } = api.context.db;
  const gate = Promise.withResolvers<void>();
  const held: string[] = [];
  api.context.db.intake = async (sender, work, more) => {
    held.push(sender);
    await gate.promise;
    return intake(sender, work, more);
  };
  const asked: Promise<Response>[] = [];
  try {
    asked.push(post(logins[0] as string));
    await eventually('the lane to be taken', async () => held.length === 1);
    const shared = logins.slice(1).map((login, n) => post(login, n === 2 ? 1 : 100));
    asked.push(...shared);
    gate.resolve();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(6).fill(200));
  } finally {
    gate.resolve();
    api.context.db.intake = intake;
  }
  const events = await api.context.db.system((em) => em.find(WebhookEvent, { providerAccountId: logins }));
  const states = logins.map((login) =>
    events.filter((one) => one.providerAccountId === login).map(({ state }) => state),
  );
  expect(states).toEqual([['processed'], ['processed'], ['processed'], ['failed'], ['processed'], ['processed']]);
});
