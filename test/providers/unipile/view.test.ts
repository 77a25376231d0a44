import fc from 'fast-check';
import type { ProviderCall } from '../../../providers/provider.ts';
import { limitationsOf } from '../../../domain/accounts.ts';
import { detailsOf } from '../../../providers/unipile/account-details.ts';
import { viewOf } from '../../../providers/unipile/account-view.ts';

const account = (change: object = {}) => ({
  object: 'Account',
  type: 'WHATSAPP',
  id: 'acc',
  name: '15550100',
  created_at: '2026-02-03T04:05:06.789Z',
  connection_params: { im: { phone_number: '33639980100' } },
  groups: [],
  sources: [{ id: 'acc_MESSAGING', status: 'OK' }],
  ...change,
});
const sources = (...states: (string | undefined)[]) => ({
  sources: states.map((status, n) => ({ id: `acc_${n}`, status })),
});

describe('what an account object says', () => {
  it.each([
    [['OK'], 'linked'],
    [['ok'], 'linked'],
    [['OK', 'OK'], 'linked'],
    [['CONNECTING'], 'degraded'],
    [['ERROR'], 'needs_restart'],
    [['STOPPED'], 'needs_restart'],
    [['CREDENTIALS'], 'login_lost'],
    [['PERMISSIONS'], 'login_lost'],
    [['MADE_UP_TODAY'], 'degraded'],
    [[undefined], 'degraded'],
    [[], 'pending'],
  ])('sources %j mean %s', (states, status) => expect(viewOf(account(sources(...states))).status).toBe(status));

  it('is as bad as its worst source, in whatever order', () => {
    for (const states of [
      ['OK', 'CREDENTIALS'],
      ['CREDENTIALS', 'CONNECTING', 'ERROR'],
      ['ERROR', 'CREDENTIALS', 'OK'],
    ])
      expect(viewOf(account(sources(...states))).status).toBe('login_lost');
    expect(viewOf(account(sources('CONNECTING', 'ERROR'))).status).toBe('needs_restart');
  });

  it.each(['PERMISSIONS', 'CREDENTIALS', 'ERROR', 'CONNECTING'])(
    'works although a part beside its mails is in the state %s, wherever it stands in the list',
    (status) => {
      const mails = { id: 'acc_MAILS', status: 'OK' };
      const calendar = { id: 'acc_CALENDAR', status };
      for (const all of [
        [mails, calendar],
        [calendar, mails],
      ]) {
        const view = viewOf(account({ type: 'GOOGLE_OAUTH', sources: all }));
        expect(view).toMatchObject({ status: 'linked', reported: 'OK' });
        const call = {
          settings: {},
          channel: 'mail',
          providerAccountId: 'acc',
          reach: 'any',
          now: 0,
        } satisfies ProviderCall;
        const { connection_config: points, provider_config: provider } = detailsOf(call, view);
        expect(points).toMatchObject({ messaging_source_id: 'acc_MAILS', messaging_status: 'OK' });
        expect(limitationsOf(points)).toEqual([{ source: 'acc_CALENDAR', status }]);
        expect(provider.features).toMatchObject({ send: true, receive: true });
      }
    },
  );

  it('has lost its login where its mails lack a permission, whatever its calendar may do', () => {
    const sources = [
      { id: 'acc_MAILS', status: 'PERMISSIONS' },
      { id: 'acc_CALENDAR', status: 'OK' },
    ];
    expect(viewOf(account({ type: 'GOOGLE_OAUTH', sources })).status).toBe('login_lost');
  });

  it('is a login that nobody finished while it does not know who it is', () => {
    const unscanned = account({ ...sources('CONNECTING'), connection_params: { im: {} } });
    expect(viewOf(unscanned).status).toBe('pending');
  });

  it.each([
    ['a number without plus', { phone_number: '33639980100' }, '+33639980100'],
    ['a number with plus', { phone_number: '+33639980100' }, '+33639980100'],
    ['a hidden number', { phone_number: 'hidden' }, null],
    ['no number', {}, null],
  ])('of WhatsApp is %s', (_what, im, identity) =>
    expect(viewOf(account({ connection_params: { im } })).identity).toBe(identity),
  );

  it.each([
    ['LINKEDIN', { im: { id: 'ACo1', username: 'Ada' } }, 'ACo1'],
    ['INSTAGRAM', { im: { id: 17, username: 'ada' } }, '17'],
    ['TELEGRAM', { im: { user_id: '42', username: 'ada' } }, '42'],
    ['LINKEDIN', { im: { id: 'ACo1', username: 'Ada', premiumContractId: null, publicIdentifier: 'ada' } }, 'ACo1'],
    ['MESSENGER', { im: { id: '', username: 'ada' } }, 'ada'],
    ['TELEGRAM', { im: { user_id: '', username: '' } }, null],
    ['MAIL', { mail: { imap_user: 'Ada@Example.com' } }, 'ada@example.com'],
    ['MAIL', { im: {}, mail: {} }, null],
    ['MAIL', null, null],
    ['LINKEDIN', { im: null }, null],
    ['LINKEDIN', { im: 'x' }, null],
    ['GOOGLE_OAUTH', { mail: { username: 'ada@example.com' } }, 'ada@example.com'],
  ])('of %s is who it is there', (type, params, identity) =>
    expect(viewOf(account({ type, connection_params: params })).identity).toBe(identity),
  );

  it.each(['WhatsApp', 'whatsapp'])('is the same when its type is spelled %s', (type) =>
    expect(viewOf(account({ type })).identity).toBe('+33639980100'),
  );

  it('is waited for while it lists no sources, or something else than a list', () => {
    for (const sources of [[], null, undefined, {}, 'OK'])
      expect(viewOf(account({ sources }))).toMatchObject({ status: 'pending', identity: '+33639980100' });
    for (const sources of [[null], [{}], ['OK'], [{ id: 'a', status: 5 }]])
      expect(viewOf(account({ sources })).status).toBe('degraded');
  });

  it('keeps the answer as it came', () => {
    const body = account({ made_up: [1] });
    expect(viewOf(body).raw).toBe(body);
  });

  it.each([null, undefined, [], 'x', 5, {}])('never throws for %j', (body) =>
    expect(viewOf(body)).toMatchObject({ status: 'pending', identity: null, createdAt: null }),
  );

  it('knows when the account was made, where that can be read', () => {
    expect(viewOf(account()).createdAt).toBe(Date.parse('2026-02-03T04:05:06.789Z'));
    expect(viewOf(account({ created_at: 'soon' })).createdAt).toBeNull();
  });
});

describe('A7: the ten and eight points', () => {
  const call = {
    settings: {},
    reach: 'any',
    channel: 'whatsapp',
    providerAccountId: 'acc',
    now: 0,
  } satisfies ProviderCall;
  const pointsOf = (body: unknown) => detailsOf(call, viewOf(body));

  it('are all there, typed, from a whole account', () => {
    const { connection_config: connection, provider_config: provider } = pointsOf(account());
    expect(connection).toEqual({
      phone_number: '+33639980100',
      account_type: 'WHATSAPP',
      messaging_status: 'OK',
      messaging_source_id: 'acc_MESSAGING',
      created_at: '2026-02-03T04:05:06.789Z',
      sources: [{ id: 'acc_MESSAGING', status: 'OK' }],
      groups: [],
      last_api_sync: '1970-01-01T00:00:00.000Z',
      full_api_response: account(),
      api_object_type: 'Account',
    });
    expect(Object.keys(provider)).toHaveLength(8);
    expect(provider).toMatchObject({
      messaging_enabled: true,
      provider_type: 'WHATSAPP',
      formatted_phone_number: '+33 6 39 98 01 00',
      account_metadata: { country_code: 'FR', display_name: '15550100' },
    });
  });

  it.each([
    ['mail', 'MAIL', 'acc_MAILS', false],
    ['whatsapp', 'WHATSAPP', 'acc_MESSAGING', true],
  ] as const)('name the source of %s', (channel, type, id, receipts) => {
    const body = account({ type, sources: [{ id, status: 'OK' }] });
    const { connection_config: connection, provider_config: provider } = detailsOf({ ...call, channel }, viewOf(body));
    expect(connection.messaging_source_id).toBe(id);
    expect(provider.features).toMatchObject({ send: true, receive: true, read_receipts: receipts });
  });

  it('take the messaging source among several, its word and its type in any case', () => {
    const body = account({
      type: 'whatsapp',
      sources: [
        { id: 'acc_MAILS', status: 'ERROR' },
        { id: 'acc_MESSAGING', status: 'ok' },
      ],
    });
    const points = pointsOf(body);
    expect(points.connection_config).toMatchObject({
      account_type: 'WHATSAPP',
      messaging_status: 'OK',
      messaging_source_id: 'acc_MESSAGING',
    });
    expect(points.provider_config).toMatchObject({ messaging_enabled: true, provider_type: 'WHATSAPP' });
  });

  it('read a number that is a number, and no hidden one', () => {
    const phone = (phone_number: unknown) =>
      pointsOf(account({ connection_params: { im: { phone_number } } })).connection_config.phone_number;
    expect([33639980100, '+33639980100', 'hidden', '', null].map(phone)).toEqual([
      '+33639980100',
      '+33639980100',
      null,
      null,
      null,
    ]);
  });

  it('and the view are there for any JSON, wherever it stands in an account', () => {
    const parts = Object.keys(account());
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...parts), fc.jsonValue()).map(account));
    fc.assert(
      fc.property(body, (one) => {
        const points = pointsOf(one);
        expect(Object.keys(points.connection_config)).toHaveLength(10);
        expect(Object.keys(points.provider_config)).toHaveLength(8);
        for (const source of points.connection_config.sources)
          expect(source).toEqual({ id: expect.any(String), status: expect.any(String) });
      }),
      { numRuns: 300 },
    );
  });

  it.each([null, {}, { sources: [{}] }, account({ sources: [], groups: null, name: null, connection_params: null })])(
    'are all there, empty where nothing is known: %j',
    (body) => {
      const points = pointsOf(body);
      expect(Object.keys(points.connection_config)).toHaveLength(10);
      expect(Object.keys(points.provider_config)).toHaveLength(8);
      expect(points.provider_config.messaging_enabled).toBe(false);
    },
  );
});
