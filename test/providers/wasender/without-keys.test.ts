import { withoutKeys } from '../../../providers/wasender/without-keys.ts';
import { readWebhook } from '../../../providers/wasender/webhooks.ts';

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

const length = 5_000_000;
const times = (text: string): string => text.repeat(Math.floor(length / text.length));
it.each([
  ['backslashes in a key', `{"sessionId":"${times('\\\\')}"}`],
  ['the beginning of a name', times('session')],
  ['names with signs', times('api\\\\\\')],
  ['percent signs', times('%')],
  ['encoded letters', times('%73')],
  ['a form of very many names', Array.from({ length: 400_000 }, (_, n) => `a${n}=1`).join('&')],
  ['encoded letters in a text', json({ event: 'x', text: times('%73%65') })],
  [
    'encoded letters in many texts',
    json({ event: 'x', sessionId: key, data: Array.from({ length: 600_000 }, () => '%73%65') }),
  ],
  ['JSON in many texts', json({ event: 'x', data: Array.from({ length: 150_000 }, () => json({ apiKey: key })) })],
  ['forms of keys', times(`sessionId=${key}&`)],
  ['many keys', json(Array.from({ length: 120_000 }, (_, n) => ({ sessionId: `${key}${n}` })))],
  [
    'few keys and a long text of their beginnings',
    json([...Array.from({ length: 20 }, (_, n) => ({ sessionId: key + n })), times(key)]),
  ],
  ['many short texts', json({ event: 'x', sessionId: key, data: Array.from({ length: 600_000 }, (_, n) => `${n}`) })],
  ['brackets', times('[')],
])('a body is read in linear time: %s', (_name, body) => {
  const before = process.cpuUsage();
  readWebhook({ raw: Buffer.from(body), headers: {} });
  const { user, system } = process.cpuUsage(before);
  // CPU time, which other processes do not use up: 350 ms at most with two other busy processes on a core.
  expect((user + system) / 1000).toBeLessThan(1_000);
});
