import type { SeenContact } from '../../../domain/contacts.ts';
import type { ContactReader, ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { linkedCall } from './calls.ts';

const contacts = wasender.contacts as ContactReader;
let world: WasenderSandbox;
let here: ProviderCall;
beforeAll(async () => {
  world = await startWasenderSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  here = await linkedCall(world);
});
afterAll(() => world?.close());

const book = (options: object) =>
  world.control('PUT', '/address-book', { session: here.providerAccountId, seed: 'a', ...options });

/** Everything, page by page, and how many pages it took. */
async function walk(call = here): Promise<{ people: SeenContact[]; delivered: number; pages: number }> {
  const people: SeenContact[] = [];
  let [delivered, pages] = [0, 0];
  let cursor: string | null = null;
  do {
    const page = await contacts.page(call, cursor);
    people.push(...page.contacts);
    delivered += page.delivered;
    pages += 1;
    // As it comes back from where it was stored.
    cursor = JSON.parse(JSON.stringify(page.cursor)) as string | null;
  } while (cursor !== null && pages < 50);
  return { people, delivered, pages };
}

/** A contact without what a spelling may change, and without what came as it was spelled. */
const plain = ({ raw: _raw, pictureUrl: _url, ...one }: SeenContact) => one;

describe('B1: the address book, however it is spelled', () => {
  const spellings: [string, unknown][] = [
    ['contact_key', 'jid'],
    ['contact_key', 'both'],
    ['contact_key', 'documented'],
    ['contact_id_form', 'digits'],
    ['contact_id_form', 'mixed'],
    ['push_name', 'pushName'],
    ['push_name', 'both'],
    ['absent_names', 'null'],
    ['absent_names', 'empty'],
    ['field_case', 'snake'],
    ['field_case', 'camel'],
    ['paged_shape', 'array'],
    ['paged_shape', 'laravel'],
    ['paged_shape', 'ignored'],
    ['pagination_keys', 'all'],
    ['max_page_limit', 100],
    ['reset_unit', 'seconds'],
  ];

  it.each(spellings)('%s %s gives the same people', async (name, value) => {
    await book({ size: 1203, near_duplicates: 0.01 });
    const usual = await walk();
    expect(usual.delivered).toBe(1215);
    expect(new Set(usual.people.map(({ id }) => id)).size).toBe(1203);
    await world.variant(name, value);
    const other = await walk();
    expect(other.delivered).toBe(usual.delivered);
    expect(other.people.map(plain)).toEqual(usual.people.map(plain));
  });

  it.each([
    ['array', 100],
    ['laravel', 100],
  ])('pages as %s, cut to %i entries, lack nobody', async (shape, limit) => {
    await book({ size: 250 });
    await world.variant('paged_shape', shape);
    await world.variant('max_page_limit', limit);
    expect((await walk()).delivered).toBe(250);
  });

  it.each(['array', 'items', 'object'])('as %s is told once where pages are ignored, small or large', async (shape) => {
    await world.variant('paged_shape', 'ignored');
    await world.variant('unpaged_shape', shape);
    for (const size of [0, 10, 1203]) {
      await book({ size });
      const { people, delivered } = await walk();
      expect([people.length, delivered]).toEqual([size, size]);
    }
  });

  it('may be empty, or hold a very large entry', async () => {
    await book({ size: 0 });
    expect(await walk()).toEqual({ people: [], delivered: 0, pages: 1 });
    await book({ size: 5, large_record: true });
    expect((await walk()).people).toHaveLength(5);
  });

  it('goes on from a stored cursor', async () => {
    await book({ size: 1203 });
    const first = await contacts.page(here, null);
    const second = await contacts.page(here, first.cursor);
    expect(await contacts.page(here, first.cursor)).toEqual(second);
    expect((await failureOf(contacts.page(here, 'made up'))).code).toBe('request_refused');
  });
});

describe('B7: what a contact is', () => {
  it('names each person by JID or LID, with number and names where they are known', async () => {
    await book({ size: 300, nameless: 0.1, lid_only: 0.2, business: 0.2 });
    const { people } = await walk();
    for (const one of people) {
      expect(one.id).toMatch(/^\d+@(s\.whatsapp\.net|lid)$/);
      expect(one.phone === null).toBe(one.id.endsWith('@lid'));
      expect(one.lid === null).toBe(!one.id.endsWith('@lid'));
      expect(one.isBusiness).toBe(one.verifiedName !== null);
      expect(one.raw).toHaveProperty('id');
      for (const name of [one.name, one.pushName, one.verifiedName, one.status]) expect(name).not.toBe('');
    }
    const kinds = [
      people.filter((one) => one.name && one.pushName),
      people.filter((one) => !one.name && one.pushName),
      people.filter((one) => !one.name && !one.pushName && !one.verifiedName),
      people.filter((one) => one.isBusiness),
      people.filter((one) => one.lid),
      people.filter((one) => one.status),
      people.filter((one) => one.pictureUrl),
      people.filter((one) => one.pictureUrl === undefined),
    ];
    for (const kind of kinds) expect(kind.length).toBeGreaterThan(0);
  });

  it('keeps number and LID where both are told', async () => {
    await world.variant('list_lids', true);
    await book({ size: 50, lid_only: 0 });
    for (const one of (await walk()).people) {
      expect(one.phone).toMatch(/^\+\d+$/);
      expect(one.lid).toMatch(/^\d+@lid$/);
    }
  });
});

describe('B2: one contact', () => {
  it.each(['number', 'JID', 'JID with a device', 'digits'])('is found by its %s', async (form) => {
    const [known] = (await walk()).people.filter((one) => one.phone);
    const digits = known?.phone?.slice(1) ?? '';
    const who = { number: `+${digits}`, JID: `${digits}@s.whatsapp.net`, digits }[form] ?? `${digits}:3@s.whatsapp.net`;
    const one = await contacts.one(here, who);
    expect(one && plain(one)).toEqual(known && plain(known));
  });

  it('is found by its LID', async () => {
    await book({ size: 20, lid_only: 1 });
    const [known] = (await walk()).people;
    expect(await contacts.one(here, known?.id ?? '')).toMatchObject({ id: known?.id, lid: known?.id });
  });

  it.each(['404', 'nulls', 'success_false'])('is nobody for an unknown number, said by %s', async (value) => {
    await world.variant('unknown_contact', value);
    for (const contact_key of ['id', 'jid', 'documented']) {
      await world.variant('contact_key', contact_key);
      expect(await contacts.one(here, '+33639989777')).toBeNull();
    }
    expect(await contacts.picture(here, '+33639980000')).toBeNull();
  });

  it('is there without any name', async () => {
    await book({ size: 5, nameless: 1 });
    const [known] = (await walk()).people;
    for (const value of ['404', 'nulls']) {
      await world.variant('unknown_contact', value);
      expect(await contacts.one(here, known?.id ?? '')).toMatchObject({ name: null, pushName: null });
    }
  });

  it.each(['', '..', 'hello', '12@g.us'])('is nobody that can be asked for as "%s"', async (who) =>
    expect((await contacts.one(here, '+33639989777').then(() => failureOf(contacts.one(here, who)))).code).toBe(
      'not_found',
    ),
  );
});

describe('what else is told of somebody', () => {
  it('is a picture’s address, or none', async () => {
    await world.variant('list_pictures', false);
    await book({ size: 40, lid_only: 0 });
    const pictures = [];
    for (const { id } of (await walk()).people) pictures.push(await contacts.picture(here, id));
    expect(pictures.some((url) => url === null)).toBe(true);
    const url = pictures.find((one) => one !== null);
    const answer = await fetch(url ?? '');
    expect(answer.headers.get('content-type')).toContain('image/');
    expect((await answer.bytes()).length).toBeGreaterThan(0);
  });

  it('is the number behind a LID, where it is told', async () => {
    await book({ size: 3, lid_only: 1 });
    const [one] = (await walk()).people;
    expect(await contacts.phoneOf?.(here, one?.id ?? '')).toMatch(/^\+\d+$/);
    await world.variant('lid_translates', false);
    expect(await contacts.phoneOf?.(here, one?.id ?? '')).toBeNull();
  });
});

describe('B11: a limit', () => {
  const waits: [string, string, string][] = ['body', 'header', 'both', 'none'].flatMap((where) =>
    ['seconds', 'epoch'].flatMap((unit) =>
      ['seconds', 'epoch'].map((reset): [string, string, string] => [where, unit, reset]),
    ),
  );

  it.each(waits)('told in the %s in %s, and by a reset in %s, is waited out', async (where, unit, reset) => {
    await world.variant('picture_per_minute', 1);
    await world.variant('retry_after', where);
    await world.variant('retry_after_unit', unit);
    await world.variant('reset_unit', reset);
    const now = Date.now();
    await contacts.picture({ ...here, now }, '+33639989777');
    const failure = await failureOf(contacts.picture({ ...here, now }, '+33639989777'));
    expect(failure).toMatchObject({ code: 'rate_limited', effect: 'none' });
    expect(failure.retryAfterMs).toBeGreaterThan(50_000);
    expect(failure.retryAfterMs).toBeLessThanOrEqual(62_000);
  });

  it('of a day is waited out too', async () => {
    await world.variant('picture_per_day', 1);
    await contacts.picture(here, '+33639989777');
    const { retryAfterMs } = await failureOf(contacts.picture(here, '+33639989777'));
    expect(retryAfterMs).toBeGreaterThan(23 * 3_600_000);
  });

  it('of the list is one too, and one that nothing explains', async () => {
    await world.variant('contacts_per_minute', 1);
    await contacts.page(here, null);
    expect((await failureOf(contacts.page(here, null))).code).toBe('rate_limited');
    await world.control('PUT', '/faults', { provider: 'wasender', rate_429: 1 });
    expect(await failureOf(contacts.one(here, '+33639989777'))).toMatchObject({ code: 'rate_limited' });
  });
});

describe('the session’s key', () => {
  it('that was made anew at WASender is found again; one that is gone is named', async () => {
    await world.wasender('POST', `/whatsapp-sessions/${here.providerAccountId}/regenerate-key`);
    expect((await contacts.page(here, null)).delivered).toBe(10);
    expect((await contacts.page({ ...here, keys: null }, null)).delivered).toBe(10);
    await world.control('POST', '/drop', { session: here.providerAccountId, status: 'deleted' });
    expect((await failureOf(contacts.page(here, null))).code).toBe('not_found');
  });

  it.each([422, 400, 403, 404, 409, 500])('of a phone that is away is a lost login, under %i too', async (status) => {
    await world.variant('not_connected_status', status);
    await world.control('POST', '/drop', { session: here.providerAccountId, status: 'logged_out' });
    for (const error_status of ['http', '200'])
      for (const error_field of ['message', 'error', 'both']) {
        await world.variant('error_status', error_status);
        await world.variant('error_field', error_field);
        expect((await failureOf(contacts.page(here, null))).code).toBe('login_lost');
        expect((await failureOf(contacts.one(here, '+33639989777'))).code).toBe('login_lost');
      }
  });
});
