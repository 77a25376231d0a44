import { withoutKeys } from '../../../providers/wasender/without-keys.ts';
import { readWebhook } from '../../../providers/wasender/webhooks.ts';
import { expectLinear } from '../../support/linear.ts';

const key = 'wsk_0123456789abcdef';
const json = (value: unknown): string => JSON.stringify(value);

describe('the key of a session leaves a body', () => {
  it.each([
    ['under each of its names', json({ sessionId: key, apiKey: key, data: { session_id: key, 'api-key': key } })],
    ['where it stands elsewhere', json({ sessionId: key, data: { text: `my key is ${key}`, [key]: 1 } })],
    ['below a field of its name', json({ sessionId: { value: [key, { deep: key }] } })],
    ['in JSON inside of a text', json({ data: json({ more: json({ apiKey: key }) }) })],
    ['where its name is escaped', `{"\\u0073essionId":"${key}"}`],
    ['where it is escaped itself', `{"sessionId":"\\u0077${key.slice(1)}"}`],
    ['of a form', `event=x&sessionId=${key}&text=${key}`],
    ['of a form with JSON', `payload=${encodeURIComponent(json({ sessionId: key }))}`],
    ['of a form with an encoded name', `%73essionId=${key}`],
    ['of a form with very many fields', `${'a=1&'.repeat(2_000)}sessionId=${key}`],
    ['of such a form in JSON', json({ data: `${'a=1&'.repeat(2_000)}api%5Fkey=${key}` })],
    ['in one of very many texts', json({ data: Array.from({ length: 2_000 }, () => json({ apiKey: key })) })],
    ['where all of its name is escaped', `%73%65%73%73%69%6F%6E%2D%49%64 ${key}`],
    ['where a field comes twice', `{"sessionId":"${key}","sessionId":"other-key-of-session"}`],
    ['that is cut off', `{"event":"x","sessionId":"${key}`],
    ['that is no structure at all', `the sessionId is ${key}`],
  ])('%s', (_name, body) => expect(withoutKeys(body)).not.toContain(key));
});

it('a body without a key stays as it came', () => {
  for (const body of ['{"event":"x",  "data":[1]}', 'a=1&b=%20', 'text', json({ text: 'the session idea' })])
    expect(withoutKeys(body)).toBe(body);
});

const many = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));
it.each<[string, (size: number) => string]>([
  ['backslashes in a key', (size) => `{"sessionId":"${'\\\\'.repeat(size / 2)}"}`],
  ['the beginning of a name', (size) => 'session'.repeat(size / 7)],
  ['names with signs', (size) => 'api\\\\\\'.repeat(size / 6)],
  ['percent signs', (size) => '%'.repeat(size)],
  ['encoded letters', (size) => '%73'.repeat(size / 3)],
  ['a form of very many names', (size) => many(size / 12, (n) => `a${n}=1`).join('&')],
  ['encoded letters in a text', (size) => json({ event: 'x', text: '%73%65'.repeat(size / 6) })],
  [
    'encoded letters in many texts',
    (size) => json({ event: 'x', sessionId: key, data: many(size / 9, () => '%73%65') }),
  ],
  ['JSON in many texts', (size) => json({ event: 'x', data: many(size / 36, () => json({ apiKey: key })) })],
  ['forms of keys', (size) => `sessionId=${key}&`.repeat(size / 31)],
  ['many keys', (size) => json(many(size / 42, (n) => ({ sessionId: `${key}${n}` })))],
  [
    'few keys and a long text of their beginnings',
    (size) => json([...many(20, (n) => ({ sessionId: key + n })), key.repeat(size / 20)]),
  ],
  ['many short texts', (size) => json({ event: 'x', sessionId: key, data: many(size / 9, String) })],
  ['brackets', (size) => '['.repeat(size)],
])('5 MB are read in linear time: %s', (_name, bodyOf) =>
  expectLinear(bodyOf, (body) => readWebhook({ raw: Buffer.from(body), headers: {} })),
);
