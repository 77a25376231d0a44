import fc from 'fast-check';
import { unipile } from '../../../providers/unipile/index.ts';
import { callTo, failureOf, inputFor, openStep, qr, startPeer, type Peer } from './peer.ts';

const { login, account } = unipile;
const input = inputFor('linkedin', 'ada@a.example');
let peer: Peer;
beforeAll(async () => {
  peer = await startPeer();
});
afterAll(() => peer?.close());

const begun = (body: unknown, status = 202) => {
  peer.says(status, body);
  return login.begin(callTo(peer.dsn, { now: 0 }), input);
};
const checkpoint = (of: unknown) => begun({ object: 'Checkpoint', account_id: 'a', checkpoint: of });

describe('A4: a checkpoint', () => {
  it.each([
    [
      { type: 'QRCODE', qrcode: '2@x' },
      { kind: 'qr', text: '2@x' },
    ],
    [
      { type: '2FA', source: 'SMS' },
      { kind: 'code', source: 'sms' },
    ],
    [
      { type: '2fa', source: 'app' },
      { kind: 'code', source: 'app' },
    ],
    [
      { type: '2FA', source: 'PIGEON' },
      { kind: 'code', source: 'unknown' },
    ],
    [
      { type: '2FA', source: null },
      { kind: 'code', source: 'unknown' },
    ],
    [{ type: 'OTP' }, { kind: 'code', source: 'unknown' }],
    [{ type: 'PHONE_REGISTER' }, { kind: 'phone' }],
    [{ type: 'IN_APP_VALIDATION' }, { kind: 'approve' }],
    [
      { type: 'CAPTCHA', public_key: 'k', data: 'd' },
      { kind: 'captcha', publicKey: 'k', data: 'd' },
    ],
    [{ type: 'CAPTCHA', public_key: null }, { kind: 'captcha' }],
    [
      { type: 'CONTRACT_CHOOSER', contract_options: [{ id: '1', name: 'EMEA' }, null, { id: '2' }, {}] },
      {
        kind: 'choose',
        options: [
          { id: '1', label: 'EMEA' },
          { id: '2', label: '2' },
        ],
      },
    ],
  ])('%j is the step %j', async (of, content) => {
    const progress = await checkpoint(of);
    expect(progress.providerAccountId).toBe('a');
    expect(openStep(progress).content).toEqual(content);
  });

  it.each([{ type: 'MADE_UP_TODAY' }, { type: 5 }, { type: 'QRCODE', qrcode: 7 }, 'OTP', null, undefined, []])(
    'that cannot be read keeps the account’s id and is waited for: %j',
    async (of) => {
      const progress = await checkpoint(of);
      expect(progress.providerAccountId).toBe('a');
      expect(openStep(progress).content.kind).toBe('wait');
    },
  );

  it('is told by `object` alone, in any case and under any 2xx', async () => {
    for (const [object, linked] of [
      ['CHECKPOINT', false],
      ['AccountCreated', true],
      ['AccountReconnected', true],
    ] as const)
      for (const status of [200, 201, 202])
        expect((await begun({ object, account_id: 'a' }, status)).next.linked).toBe(linked);
  });

  it('lives five minutes, a QR code one, and only what can be sent again offers it', async () => {
    expect(openStep(await checkpoint({ type: 'QRCODE', qrcode: 'x' }))).toMatchObject({
      expiresAt: 60_000,
      canResend: false,
      canTryAnotherWay: false,
    });
    for (const type of ['2FA', 'OTP', 'IN_APP_VALIDATION'])
      expect(openStep(await checkpoint({ type }))).toMatchObject({ expiresAt: 300_000, canResend: true });
    for (const type of ['CAPTCHA', 'PHONE_REGISTER', 'CONTRACT_CHOOSER'])
      expect(openStep(await checkpoint({ type }))).toMatchObject({ canResend: false, canTryAnotherWay: false });
  });

  it('never makes a login fail in another way than by a failure of the provider', async () => {
    const of = fc.dictionary(
      fc.constantFrom('type', 'qrcode', 'source', 'data', 'contract_options'),
      fc.oneof(fc.jsonValue(), fc.constantFrom('QRCODE', 'CONTRACT_CHOOSER', '2FA')),
    );
    await fc.assert(
      fc.asyncProperty(of, async (body) => expect((await checkpoint(body)).next).toHaveProperty('content.kind')),
      { numRuns: 100 },
    );
  });
});

describe('an answer in an unknown shape', () => {
  it.each(['', 'null', '[]', '{}', '"x"', '{"object":"Checkpoint"}', '{"account_id":"a"}', '<html></html>'])(
    'to a login leaves open what happened: %s',
    async (body) =>
      expect(await failureOf(begun(body))).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' }),
  );

  it.each(['', 'null', '[]', '"x"', '<html></html>'])('is no account: %s', async (body) => {
    peer.says(200, body);
    expect(await failureOf(login.check(callTo(peer.dsn)))).toMatchObject({ code: 'provider_unavailable' });
  });

  it.each(['{}', '<html></html>', '{"items":{}}'])(
    'is no empty list, so that nothing is made twice: %s',
    async (body) => {
      peer.says(200, body);
      const found = login.findUnconfirmedLogins(callTo(peer.dsn), input, 0);
      expect(await failureOf(found)).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
      const registered = account.registerWebhooks(callTo(peer.dsn), 'https://p.example', 's');
      expect(await failureOf(registered)).toMatchObject({ code: 'provider_unavailable' });
    },
  );

  it('such as the same page again and again is not walked for ever', async () => {
    peer.says(200, { items: [], cursor: 'next' });
    const found = login.findUnconfirmedLogins(callTo(peer.dsn), input, 0);
    expect((await failureOf(found)).code).toBe('provider_unavailable');
  });
});

describe('A4: a code sent again', () => {
  const resend = (body: unknown) => {
    peer.says(200, body);
    return login.resend(callTo(peer.dsn));
  };

  it.each([
    { object: 'CheckpointResend', account_id: 'a', success: true },
    { object: 'Checkpoint', account_id: 'a' },
  ])('leaves the step as it is: %j', async (body) => expect(await resend(body)).toBeNull());

  it('may be another checkpoint', async () => {
    const progress = await resend({ object: 'Checkpoint', account_id: 'a', checkpoint: { type: 'OTP' } });
    expect(progress && openStep(progress).content).toEqual({ kind: 'code', source: 'unknown' });
  });

  it('is not claimed when UniPile says that it was not', async () => {
    const said = resend({ object: 'CheckpointResend', account_id: 'a', success: false });
    expect((await failureOf(said)).code).toBe('request_refused');
  });
});

describe('what is sent', () => {
  it('is the key as a header, the path of the account, and the body of the contract', async () => {
    const seen: object[] = [];
    peer.answer = (response, { method, url, headers }, body) => {
      seen.push({ method, url, key: headers['x-api-key'], accept: headers.accept, body });
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'AccountReconnected', account_id: 'a' }));
    };
    const common = { method: 'POST', key: 'sandbox-key', accept: 'application/json' };
    const whatsapp = { channel: 'whatsapp', providerAccountId: null } as const;
    const pairing = { method: 'qr', credentials: { pairing_phone_number: '+33 6 39 98 01 00' } } as const;
    await login.begin(callTo(peer.dsn, whatsapp), qr);
    await login.begin(callTo(peer.dsn, whatsapp), pairing);
    await login.begin(callTo(peer.dsn, { providerAccountId: 'a/b?c' }), input);
    expect(seen).toEqual([
      { ...common, url: '/api/v1/accounts', body: { provider: 'WHATSAPP' } },
      { ...common, url: '/api/v1/accounts', body: { provider: 'WHATSAPP', pairing_phone_number: '33639980100' } },
      { ...common, url: '/api/v1/accounts/a%2Fb%3Fc', body: { provider: 'LINKEDIN', ...input.credentials } },
    ]);
  });

  it.each([
    ['+33639980100', '(+33)0639980100'],
    [' 0033 6 39 98 01 00 ', '(+33)0639980100'],
    ['33639980100', '(+33)0639980100'],
    ['(+33)0639980100', '(+33)0639980100'],
    ['+15550100123', '(+1)5550100123'],
  ])('is a phone number as UniPile wants it: %s', async (typed, sent) => {
    let code: unknown;
    peer.answer = (response, _request, body) => {
      code = body.code;
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'AccountCreated', account_id: 'a' }));
    };
    await login.answer(callTo(peer.dsn), { kind: 'phone' }, typed);
    expect(code).toBe(sent);
  });

  it('is nothing at all for what cannot be a phone number, or an id', async () => {
    peer.answer = () => {
      throw new Error('nobody was to be asked');
    };
    for (const typed of ['', 'hello', '+', '12'])
      expect((await failureOf(login.answer(callTo(peer.dsn), { kind: 'phone' }, typed))).code).toBe('wrong_answer');
    for (const providerAccountId of [null, '', '.', '..']) {
      const at = callTo(peer.dsn, { providerAccountId });
      expect((await login.check(at)).status).toBe('not_found');
      expect(await login.restore(at)).toBe(false);
      await login.revoke(at);
    }
  });
});

describe('a page of UniPile’s own', () => {
  const page = {
    name: 'n',
    callbackUrl: 'https://p.example/callback',
    successUrl: 'https://p.example/success',
    failureUrl: 'https://p.example/failure',
    expiresAt: 1_000,
  };
  const begin = (providerAccountId: string | null) =>
    login.begin(callTo(peer.dsn, { providerAccountId }), { method: 'hosted', credentials: {}, page });

  it.each(['HostedAuthUrl', 'HostedAuthURL'])(
    'A2: is a redirect, as %s, for a new account or a known one',
    async (object) => {
      const bodies: object[] = [];
      peer.answer = (response, _request, body) => {
        bodies.push(body);
        response.writeHead(201, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ object, url: 'https://account.unipile.example/abc' }));
      };
      for (const id of [null, 'acc']) {
        const progress = await begin(id);
        expect(progress.providerAccountId).toBe(id);
        expect(openStep(progress).content).toEqual({ kind: 'redirect', url: 'https://account.unipile.example/abc' });
      }
      expect(bodies).toMatchObject([
        {
          type: 'create',
          providers: ['LINKEDIN'],
          api_url: peer.dsn,
          expiresOn: '1970-01-01T00:00:01.000Z',
          name: 'n',
        },
        { type: 'reconnect', reconnect_account: 'acc', notify_url: page.callbackUrl },
      ]);
    },
  );

  it.each(['javascript:alert(1)', 'file:///etc/passwd', '', null, 5])('is never %j', async (url) => {
    peer.says(201, { object: 'HostedAuthUrl', url });
    expect((await failureOf(begin(null))).code).toBe('provider_unavailable');
  });
});
