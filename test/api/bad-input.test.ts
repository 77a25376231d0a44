import { scopeNames } from '../../domain/scopes.ts';
import type { ApiClient } from '../support/client.ts';
import { rightAsk, send, type Answered, type Ask } from './ask.ts';
import { idPlaces, oneOfEach, type Ids } from './fixture.ts';
import type { Schema } from '../../api/docs/examples.ts';
import { readDocument, type Document, type Operation } from './openapi.ts';
import { startTestApi, type TestApi } from './support.ts';

// Every case is made from the document: a new route is tested without a line here.

let api: TestApi;
let document: Document;
let keyed: Operation[];
/** Those whose body, where they have one, is JSON; tests of uploads send wrong forms. */
let takingJson: Operation[];
let client: ApiClient;
let ids: Ids;
beforeAll(async () => {
  api = await startTestApi();
  document = await readDocument(api);
  keyed = document.operations.filter(({ open }) => !open);
  takingJson = keyed.filter(({ takesFile }) => !takesFile);
  client = api.client;
  ids = await oneOfEach(api, client);
});
afterAll(() => api?.stop());

/** What is wrong with the answer to a wrong request; null for a problem as documented. */
function wrongIn(operation: Operation, { status, type, body }: Answered, statuses: readonly number[]): string | null {
  if (!statuses.includes(status)) return `${status} ${JSON.stringify(body).slice(0, 200)}`;
  if (!type.startsWith('application/problem+json')) return `answers ${type}`;
  if (body.status !== status || !body.code || !body.request_id) return `is no problem: ${JSON.stringify(body)}`;
  return document.wrongWith(operation, 0, body);
}

/** Sends changed requests to each operation and expects a problem of these statuses. */
async function refused(
  operations: readonly Operation[],
  statuses: readonly number[],
  change: (ask: Ask, operation: Operation) => Iterable<Ask>,
): Promise<number> {
  const wrong: string[] = [];
  let sent = 0;
  for (const operation of operations)
    for (const ask of change(rightAsk(operation, ids, client.key), operation)) {
      const found = wrongIn(operation, await send(api.url, operation, ask), statuses);
      const { key: _, ...shown } = ask;
      if (found) wrong.push(`${operation.name} ${JSON.stringify(shown).slice(0, 300)}: ${found}`);
      sent += 1;
    }
  expect(wrong).toEqual([]);
  return sent;
}

const deep = (levels: number): unknown => Array.from({ length: levels }).reduce((inner) => ({ a: inner }), 'x');

describe('every operation of the document', () => {
  it('answers 401 without a key, with an unknown key and with a malformed key', async () => {
    const keys = [
      undefined,
      'pb_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'pb_short',
      'x'.repeat(2000),
      "' or 1=1",
    ];
    await refused(keyed, [401], (ask) => keys.map((key) => ({ ...ask, key })));
  });

  it('answers 403 to a key with every scope except the required one', async () => {
    for (const scope of scopeNames) {
      const lacking = await api.clientOf(
        'ours',
        scopeNames.filter((one) => one !== scope),
      );
      const needing = keyed.filter((one) => one.scope === scope);
      await refused(needing, [403], (ask) => [{ ...ask, key: lacking.key }]);
    }
    expect(keyed.filter(({ scope }) => !(scopeNames as readonly string[]).includes(scope))).toEqual([]);
  });

  it('answers 404 or 400 to a malformed id', async () => {
    const odd = [
      'x',
      '%00',
      '..%2f..',
      "'%3bselect",
      '01900000-0000-7000-8000-00000000000g',
      'a'.repeat(5000),
      '%F0%9F',
    ];
    const asked = await refused(keyed, [400, 404, 422], (ask, operation) =>
      idPlaces(operation)
        .filter((place) => place.in !== 'body')
        .flatMap((place) =>
          odd.map((text) => ({ ...ask, [place.in]: { ...ask[place.in as 'path'], [place.name]: text } })),
        ),
    );
    expect(asked).toBeGreaterThan(100);
  });

  it('rejects other methods', async () => {
    for (const { path } of keyed) {
      const own = keyed.filter((one) => one.path === path).map(({ method }) => method);
      const others = ['POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !own.includes(method));
      const strange = others.map((method): Operation => ({ ...keyed.find((one) => one.path === path)!, method }));
      // What is no method here may be one of a longer path's parameter.
      await refused(strange, [401, 404, 405], (ask) => [{ ...ask, query: {}, body: {} }]);
    }
  });
});

describe('every query', () => {
  const wrong: Record<string, string[]> = {
    limit: ['0', '-1', 'abc', '1e9', '201', '1.5', '', 'NaN', '5&limit=6'],
    cursor: ['garbage', '%00', 'x'.repeat(9000), Buffer.from("' or 1").toString('base64url'), 'a&cursor=b'],
    wait: ['-1', 'abc', '1e9', 'NaN', '1&wait=2'],
  };
  const wrongFor = ({ name, schema }: { name: string; schema: Schema }): string[] =>
    wrong[name] ?? ['%00', 'a&x=1'.replace('x', name), ...(schema.enum ? ['nonsense', ''] : [])];

  it('is refused with 422 when a parameter is wrong', async () => {
    const asked = await refused(keyed, [422], (ask, operation) =>
      operation.parameters
        .filter((one) => one.in === 'query')
        .flatMap((one) => wrongFor(one).map((text) => ({ ...ask, query: { ...ask.query, [one.name]: text } }))),
    );
    expect(asked).toBeGreaterThan(80);
  });

  it('is refused with 422 where a parameter is not known, which names it and the nearest one', async () => {
    await refused(keyed, [422], (ask) => [{ ...ask, query: { ...ask.query, surprise: 'x' } }]);
    await expectNamed('GET', '/api/v1/accounts?acount=x', 'acount', 'account');
    await expectNamed('GET', '/api/v1/contacts?grup=x', 'grup', 'group');
    await expectNamed('GET', '/api/v1/accounts/x/attempt?wiat=1', 'wiat', 'wait');
  });
});

/** Whether a schema takes values of a JSON type. */
const takes = (schema: Schema, type: string): boolean =>
  schema.anyOf
    ? schema.anyOf.some((one) => takes(one, type))
    : schema.const !== undefined
      ? typeof schema.const === type
      : schema.type === undefined ||
        [schema.type].flat().some((one) => one === type || (one === 'integer' && type === 'number'));

const propertiesOf = (operation: Operation): [name: string, schema: Schema][] => {
  const own = Object.entries(operation.body?.properties ?? {});
  // A record: the names it is sent with stand for all.
  return own.length ? own : Object.keys(rightAsk(operation, ids).body ?? {}).map((name) => [name, { type: 'string' }]);
};

describe('every body', () => {
  const values: [type: string, value: unknown][] = [
    ['number', 5],
    ['number', -1.5e300],
    ['boolean', true],
    ['null', null],
    ['array', []],
    ['array', [[null]]],
    ['object', {}],
    ['object', { a: { b: 1 } }],
    ['string', 'x'],
  ];

  it('is refused with 422 when a property has another type', async () => {
    const asked = await refused(takingJson, [422], (ask, operation) =>
      propertiesOf(operation).flatMap(([name, schema]) =>
        values
          .filter(([type]) => !takes(schema, type))
          .map(([, value]) => ({ ...ask, body: { ...ask.body, [name]: value } })),
      ),
    );
    expect(asked).toBeGreaterThan(80);
  });

  it('is refused with 422 for text that PostgreSQL cannot store, and for endless nesting', async () => {
    const unstorable = ['a\u0000b', '\ud800', 'x\udc00y'];
    const inPlace = (schema: Schema): unknown[] => [
      ...unstorable,
      ...(takes(schema, 'object')
        ? [...unstorable.flatMap((text) => [{ a: [{ b: text }] }, { [text]: 1 }]), deep(60), deep(2000)]
        : [deep(60)]),
    ];
    await refused(takingJson, [422], (ask, operation) =>
      propertiesOf(operation).flatMap(([name, schema]) =>
        inPlace(schema).map((value) => ({ ...ask, body: { ...ask.body, [name]: value } })),
      ),
    );
    await refused(
      takingJson.filter(({ method }) => method !== 'GET'),
      [422],
      (ask) => [{ ...ask, raw: `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}` }],
    );
  });

  it('is refused with 422 or 413 when a text is too long', async () => {
    const limited = (schema: Schema): boolean =>
      'maxLength' in schema || Boolean(schema.enum) || schema.format === 'uri';
    await refused(takingJson, [422], (ask, operation) =>
      propertiesOf(operation)
        .filter(([, schema]) => (schema.anyOf ?? [schema]).some(limited))
        .map(([name]) => ({ ...ask, body: { ...ask.body, [name]: 'x'.repeat(300_000) } })),
    );
    await refused(
      keyed.filter(({ body }) => body),
      [413],
      (ask) => [{ ...ask, body: { ...ask.body, surprise: 'x'.repeat(1_100_000) } }],
    );
  });

  it('never causes a server error, with any text or object in any place', async () => {
    const odd: unknown[] = [
      '',
      ' ',
      '\u200b\u202e',
      '😀'.repeat(60),
      "'; drop table accounts; --",
      '../../etc/passwd',
      '${x}',
    ];
    const raw = ['{"__proto__":{"a":1}}', '{"constructor":{"prototype":1}}', '{"n":1e400}', '{"":""}'];
    const wrong: string[] = [];
    for (const operation of takingJson)
      for (const [name, schema] of propertiesOf(operation)) {
        const right = rightAsk(operation, ids, client.key);
        const asks: Ask[] = [
          ...odd.map((value) => ({ ...right, body: { ...right.body, [name]: value } })),
          ...(takes(schema, 'object')
            ? raw.map((text) => ({
                ...right,
                raw: JSON.stringify({ ...right.body, [name]: '@@' }).replace('"@@"', text),
              }))
            : []),
        ];
        for (const ask of asks) {
          const answered = await send(api.url, operation, ask);
          const found = answered.status < 400 ? null : wrongIn(operation, answered, [400, 404, 409, 422, 429]);
          if (found) wrong.push(`${operation.name} ${name}: ${JSON.stringify(ask.body)}: ${found}`);
        }
      }
    expect(wrong).toEqual([]);
  });

  it('is refused with 422 where a field is not known, at any depth, which names it and the nearest one', async () => {
    await refused(
      takingJson.filter(({ method }) => method !== 'GET'),
      [422],
      (ask) => [
        { ...ask, body: { ...ask.body, surprise: { a: [1] } } },
        { ...ask, raw: JSON.stringify({ ...ask.body, a: 1 }).replace('"a"', '"__proto__"') },
      ],
    );
    const account = { provider: 'unipile', channel: 'linkedin', owner: 'x' };
    const syncs = `/api/v1/accounts/${ids.account}/syncs`;
    await expectNamed('POST', '/api/v1/accounts', 'redirect', 'redirects', { ...account, redirect: {} });
    await expectNamed('POST', '/api/v1/accounts', 'redirects.sucess', 'success', {
      ...account,
      redirects: { sucess: 'https://a.example' },
    });
    await expectNamed('POST', syncs, 'scopee', 'scope', { kind: 'contacts', scopee: { phone: '+33639980901' } });
    await expectNamed('POST', syncs, 'scope.fone', 'phone', { kind: 'contacts', scope: { fone: '+33639980901' } });
    await expectNamed('PUT', '/api/v1/providers/unipile', 'acess_token', 'access_token', {
      dsn: 'http://127.0.0.1:1',
      acess_token: 'x',
    });
  });

  it('is refused with 400 when it is no JSON in UTF-8', async () => {
    const none = ['{', '{"a":1,}', 'null', '"text"', '5', 'a=b&c=d', '<xml/>', '{"a":1}{"b":2}', '\u0000'];
    await refused(
      takingJson.filter(({ method }) => method !== 'GET'),
      [400],
      (ask) => [...none, new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])].map((raw) => ({ ...ask, raw })),
    );
  });

  it('is refused with 422 when it is empty, malformed or lacks a required field', async () => {
    const requiring = keyed.filter(({ body }) => body?.required?.length);
    expect(requiring.length).toBeGreaterThan(4);
    await refused(requiring, [422], (ask, { body }) => [
      { ...ask, body: undefined },
      { ...ask, body: {} },
      { ...ask, body: [] },
      { ...ask, body: [ask.body] },
      ...body!.required!.map((name) => ({ ...ask, body: { ...ask.body, [name]: undefined } })),
    ]);
  });

  it('is refused with 415 where its type is not JSON, when compressed, or in another charset', async () => {
    const withBody = keyed.filter(({ body }) => body?.required?.length);
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'];
    await refused(withBody, [415], (ask) => types.map((type) => ({ ...ask, headers: { 'content-type': type } })));
    const unread: Record<string, string>[] = [
      { 'content-encoding': 'gzip' },
      { 'content-encoding': 'br, gzip' },
      { 'content-type': 'application/json; charset=utf-16' },
    ];
    await refused(withBody, [415], (ask) => unread.map((headers) => ({ ...ask, headers })));
    const read = ['application/json', 'application/json; charset=utf-8', 'application/merge-patch+json', ''];
    await refused(withBody, [400], (ask) =>
      read.map((type) => ({ ...ask, raw: 'a', headers: { 'content-type': type } })),
    );
  });
});

/** A request that is refused for one field, and told which one was probably meant. */
async function expectNamed(method: string, path: string, field: string, near: string, body?: object): Promise<void> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${client.key}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const { errors } = (await response.json()) as { errors: object[] };
  expect([path, response.status, errors]).toEqual([
    path,
    422,
    expect.arrayContaining([{ field, message: `is not known; did you mean ${near}?` }]),
  ]);
}

it('refuses a malformed Idempotency-Key on every route that takes one', async () => {
  const taking = keyed.filter(({ parameters }) => parameters.some(({ name }) => name === 'Idempotency-Key'));
  expect(taking.length).toBeGreaterThan(8);
  const odd = ['', 'x'.repeat(256), 'x'.repeat(9000), 'a b', 'a\tb', 'caf\u00e9'];
  await refused(taking, [422], (ask) => odd.map((key) => ({ ...ask, headers: { 'idempotency-key': key } })));
  // A file is stored once, however often it comes.
  const starting = takingJson.filter(({ method }) => method === 'POST');
  expect(starting.filter((one) => !taking.includes(one)).map(({ name }) => name)).toEqual([]);
});

it('answers malformed webhooks with problems and stores none', async () => {
  const before = await api.context.db.system((em) => em.execute('select count(*) from webhook_events'));
  const webhooks = document.operations.filter(({ open, method }) => open && method === 'POST');
  await refused(webhooks, [401, 403, 404], (ask) =>
    ['', 'wrong', 'x'.repeat(5000)].map((secret) => ({
      ...ask,
      path: { provider: 'unipile', token: 'unknown' },
      raw: '{"event":"message_received"}',
      headers: { 'patchbay-webhook-secret': secret },
    })),
  );
  for (const provider of ['__proto__', 'constructor', 'meta', '%00', 'x'.repeat(3000)])
    await refused(
      webhooks.filter(({ path }) => path.includes('{token}')),
      [404],
      (ask) => [{ ...ask, path: { provider, token: '%00' } }],
    );
  for (const token of ['%00', 'a%00b', '%F0%9F', "'%3bselect", 'x'.repeat(3000)])
    await refused(
      webhooks.filter(({ path }) => path.includes('{token}')),
      [400, 404],
      (ask) => ['unipile', 'wasender'].map((provider) => ({ ...ask, path: { provider, token } })),
    );
  expect(await api.context.db.system((em) => em.execute('select count(*) from webhook_events'))).toEqual(before);
});
