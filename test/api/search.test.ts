import { foldText } from '../../domain/search-text.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages, type MessageSeed } from '../support/seed-messages.ts';
import { twoContacts } from './fixture.ts';
import { activate, connect, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
let own: string;
beforeAll(async () => {
  api = await startTestApi();
  own = (await connect(api.client)).account.id;
  await activate(api, own, `up-${unique()}`);
});
afterAll(() => api?.stop());

const seed = <T>(work: (to: MessageSeed) => T): Promise<T> =>
  api.context.db.system((em) => seedMessages(em, own, work));
const minute = (n: number): Date => new Date(Date.UTC(2026, 2, 1, 10, n));
const search = async (q: string, more = ''): Promise<any> =>
  (await api.client.get(`/api/v1/search?q=${encodeURIComponent(q)}${more}`)).body;
const found = async (q: string, more = ''): Promise<string[]> =>
  (await search(q, more)).items.map((one: any) => one[one.kind].id);

it.each([
  'Łódź İstanbul',
  'ΟΔΥΣΣΕΥΣ Άλφα',
  'Ёлка ЙОД',
  'Ǆ ǅ ǆ Ա ա',
  'a\u0301 é É',
  'ﬁ Ｗ ½ ²',
  "it's-a_test!",
  '👍🏽 ok',
  'שָׁלוֹם',
  'مُحَمَّد',
  '한국어 漢字。かな',
  'x'.repeat(60_000),
])('the database folds %.20j as the application does', async (text) => {
  const [row] = await api.context.db.system((em) =>
    runSql<{ folded: string }>(em, 'select fold_text(?) as folded', [text]),
  );
  expect(row!.folded).toBe(foldText(text).slice(0, 50_000));
});

describe('a search of messages', () => {
  let made: Record<string, string>;
  let thread: string;
  beforeAll(async () => {
    ({ made, thread } = await seed((to) => {
      const one = to.conversation({});
      const other = to.conversation({});
      const say = (n: number, text: string | null, more = {}) =>
        to.message(one, { sentAt: minute(n), text, ...more }).id;
      return {
        thread: one.id,
        made: {
          old: say(1, 'The harbour at Łódź, rue José'),
          twice: say(2, 'harbour harbour harbour'),
          new: say(3, 'a Harbour, again'),
          html: say(4, '<script>alert(1)</script> & lighthouse'),
          gone: say(5, null, { deletedAt: minute(6), versions: [{ text: 'harbour', at: null }] }),
          cyrillic: say(6, 'Ёлки и Йогурт'),
          elsewhere: to.message(other, { sentAt: minute(7), text: 'harbour by the lake' }).id,
        },
      };
    }));
  });

  it('finds all words, each as the beginning of a word, without case and accents', async () => {
    expect(await found('JOSE łodz')).toEqual([made.old]);
    expect(await found('light')).toEqual([made.html]);
    expect(await found('ЕЛК йог')).toEqual([made.cyrillic]);
    expect(await found('arbour')).toEqual([]);
    expect(await found('harbour nowhere')).toEqual([]);
    for (const q of ['!!!', "' | & :*", '\\', '%']) expect(await found(q)).toEqual([]);
  });

  it('ranks the best match first, and never finds what was deleted', async () => {
    const all = await found('harbour');
    expect(all[0]).toBe(made.twice);
    expect(new Set(all)).toEqual(new Set([made.old, made.twice, made.new, made.elsewhere]));
    expect(await found('harbour', `&conversation=${thread}`)).not.toContain(made.elsewhere);
    expect(await found('harbour', `&account=${own}`)).toHaveLength(4);
  });

  it('has pages in that order', async () => {
    const all = await found('harbour');
    const paged: string[] = [];
    for (let more = '&limit=1'; ;) {
      const { items, next_cursor: cursor } = await search('harbour', more);
      paged.push(...items.map((one: any) => one.message.id));
      if (cursor === null) break;
      more = `&limit=1&cursor=${encodeURIComponent(cursor)}`;
    }
    expect(paged).toEqual(all);
  });

  it('marks the matches as data, so that nothing in them is HTML', async () => {
    const { items } = await search('alert light');
    expect(items[0].highlight).toEqual([
      { text: '<script>', match: false },
      { text: 'alert', match: true },
      { text: '(1)</script> & ', match: false },
      { text: 'lighthouse', match: true },
    ]);
    expect(items[0].message.id).toBe(made.html);
  });

  it('is not of another tenant', async () => {
    const other = await api.clientOf('other');
    for (const kind of ['messages', 'people', 'conversations'])
      expect((await other.get(`/api/v1/search?q=harbour&in=${kind}`)).body.items).toEqual([]);
  });

  it.each(['q=', 'q=a&in=everything', 'q=a&colour=red', 'q=a&cursor=x', ''])('refuses %j', async (query) =>
    expect((await api.client.get(`/api/v1/search?${query}`)).status).toBe(422),
  );
});

it('reads windows of matches one after the other, none missed and none twice', async () => {
  const thread = await seed((to) => to.conversation({}).id);
  await api.context.db.system((em) =>
    runSql(
      em,
      `insert into messages (id, tenant_id, account_id, conversation_id, sort_key, text, versions, status, sent_at,
         sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
       select gen_random_uuid(), c.tenant_id, c.account_id, c.id, n::text,
         'window ' || case when n % 7 = 0 then 'window' else '' end, '[]', 'sent',
         now() - (n / 3) * interval '1 minute', true, false, 'webhook', true, '[]', now(), now()
       from conversations c, generate_series(1, 1203) n where c.id = ?`,
      [thread],
    ),
  );
  const ids: string[] = [];
  for (let more = '&limit=200'; ;) {
    const { items, next_cursor: cursor } = await search('window', more);
    ids.push(...items.map((one: any) => one.message.id));
    if (cursor === null) break;
    more = `&limit=200&cursor=${encodeURIComponent(cursor)}`;
  }
  expect([ids.length, new Set(ids).size]).toEqual([1203, 1203]);
});

describe('a search of people and conversations', () => {
  let made: { maya: string; group: string; talk: string; team: string; known: string };
  beforeAll(async () => {
    await twoContacts(api, own);
    made = await seed((to) => {
      const maya = to.attendee({
        name: 'Maya Lindqvist',
        providerAttendeeId: '33639980301@s.whatsapp.net',
        phoneNumber: '+33639980301',
      });
      const ola = to.attendee({ name: 'Ola Mayanova', providerAttendeeId: 'ola' });
      // A contact's name: the attendee has none of its own.
      const known = to.attendee({ providerAttendeeId: '33639980902@s.whatsapp.net' });
      to.attendee({ name: 'Maya Me', isSelf: true, providerAttendeeId: 'self' });
      const talk = to.conversation({}, [maya]);
      to.message(talk, { sentAt: minute(1) });
      const group = to.conversation({ kind: 'group', name: 'Offer for Maya' }, [ola]);
      to.message(group, { sentAt: minute(2) });
      const team = to.conversation({ kind: 'group', name: 'Team' }, [maya, known]);
      to.message(team, { sentAt: minute(3) });
      return { maya: maya.id, group: group.id, talk: talk.id, team: team.id, known: known.id };
    });
  });

  it("finds people by their own and their contact's names, inside words too, and by digits", async () => {
    const people = async (q: string) => (await search(q, '&in=people')).items.map((one: any) => one.person.name);
    expect(await people('maya')).toEqual(['Maya Lindqvist', 'Ola Mayanova']);
    expect(await people('qvist')).toEqual(['Maya Lindqvist']);
    expect(await people('lind MA')).toEqual(['Maya Lindqvist']);
    expect(await people('980301')).toEqual(['Maya Lindqvist']);
    expect(await people('06 39 98 03 01')).toEqual(['Maya Lindqvist']);
    expect(await people('acme')).toEqual(['Contact from Acme']);
    expect(await people('zzz')).toEqual([]);
    const { items } = await search('acme', '&in=people');
    expect(items[0]).toMatchObject({
      person: { id: made.known },
      highlight: [{ match: false }, { text: 'Acme', match: true }],
    });
  });

  it('finds conversations by their own names and their people, those named so first', async () => {
    expect(await found('maya', '&in=conversations')).toEqual([made.group, made.talk, made.team]);
    expect(await found('offer', '&in=conversations')).toEqual([made.group]);
    expect(await found('acme', '&in=conversations')).toEqual([made.team]);
    const first = await search('maya', '&in=conversations&limit=2');
    const rest = await search('maya', `&in=conversations&limit=2&cursor=${encodeURIComponent(first.next_cursor)}`);
    expect(rest).toMatchObject({ items: [{ conversation: { id: made.team } }], next_cursor: null });
  });
});
