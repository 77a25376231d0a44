import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { sealed as contexts } from '../../db/sealed.ts';
import { VaultError } from '../../platform/cipher.ts';
import { createKeyset, type DataKey } from '../../platform/keyset.ts';
import { createMasterKeys, parseKeyRing } from '../../platform/master-keys.ts';
import { testKey } from '../support/key.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const key = newKey();
const newDataKey = (): DataKey => ({ id: randomBytes(6).toString('hex'), key: randomBytes(32) });
const dataKey = newDataKey();
const keys = createKeyset([dataKey], dataKey);
const context = contexts.accountSecret('one');
const text = fc.string({ unit: 'grapheme', maxLength: 200 });

const altered = (sealed: string, change: (bytes: Buffer) => Buffer): string => {
  const [version, id, body = ''] = sealed.split('.');
  return [version, id, change(Buffer.from(body, 'base64url')).toString('base64url')].join('.');
};

/** The message of the error, which must be one line. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    expect(error.message).toMatch(/^[^\n]+\.$/);
    return error.message;
  }
  throw new Error('it opened');
}

describe('a sealed text', () => {
  it('opens to the original', () =>
    fc.assert(
      fc.property(text, text, (plain, where) => expect(keys.open(keys.seal(plain, where), where)).toBe(plain)),
    ));

  it('differs each time and shows nothing of its content', () => {
    const [one, two] = [keys.seal('a secret of some length', context), keys.seal('a secret of some length', context)];
    expect(one).not.toBe(two);
    expect(Buffer.from(one.split('.')[2] ?? '', 'base64url').includes('secret')).toBe(false);
  });

  it('does not open in another row or another column', () => {
    const sealed = keys.seal('a secret', contexts.accountSecret('one'));
    expect(refusal(() => keys.open(sealed, contexts.accountSecret('two')))).toMatch(/belongs to another row/);
    expect(refusal(() => keys.open(sealed, contexts.rawDetails('one')))).toMatch(/belongs to another row/);
  });

  it('does not open after a change of any bit', () =>
    fc.assert(
      fc.property(text, fc.nat(), fc.integer({ min: 0, max: 7 }), (plain, where, bit) => {
        const bad = altered(keys.seal(plain, context), (bytes) => {
          const at = where % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
          return bytes;
        });
        expect(refusal(() => keys.open(bad, context))).toMatch(/was altered/);
      }),
    ));

  it.each(['', 'a secret'])('does not open once it was cut short: "%s"', (plain) => {
    const sealed = keys.seal(plain, context);
    const length = Buffer.from(sealed.split('.')[2] ?? '', 'base64url').length;
    for (let kept = 1; kept < length; kept++)
      refusal(() =>
        keys.open(
          altered(sealed, (bytes) => bytes.subarray(0, kept)),
          context,
        ),
      );
  });

  it.each(['', 'plain text', 'v1', 'v1..', 'v3.00000000.AAAA', 'v2.not-a-key.AAAA', 'v2.two\nlines.AAAA'])(
    'is distinguished from a text that was never sealed: %j',
    (other) => expect(refusal(() => keys.open(other, context))).toBe('Not a sealed value.'),
  );
});

describe('sealed bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });

  it('open to the original', () =>
    fc.assert(fc.property(bytes, (plain) => expect([...keys.openBytes(keys.sealBytes(plain))]).toEqual([...plain]))));

  it('do not open after a change of any byte, the id of their key included', () =>
    fc.assert(
      fc.property(bytes, fc.nat(), (plain, where) => {
        const bad = Buffer.from(keys.sealBytes(plain));
        const at = where % bad.length;
        bad[at] = (bad[at] ?? 0) ^ 1;
        refusal(() => keys.openBytes(bad));
      }),
    ));
});

describe('a keyset', () => {
  const next = newDataKey();
  const both = createKeyset([next, dataKey], next);

  it('opens values of all its keys, and seals with one', () => {
    expect(both.open(keys.seal('a secret', context), context)).toBe('a secret');
    expect(Buffer.from(both.openBytes(keys.sealBytes(Buffer.from('bytes')))).toString()).toBe('bytes');
    expect(createKeyset([next], next).open(both.seal('a secret', context), context)).toBe('a secret');
  });

  it("opens nothing of another tenant's key, and names the key", () =>
    expect(refusal(() => keys.open(both.seal('a secret', context), context))).toBe(
      `Data key ${next.id} is not here: it is another tenant's, or was deleted with its tenant.`,
    ));

  it('opens and recognises values that a version without data keys sealed with its master key', () => {
    const [former] = parseKeyRing(testKey);
    const upgraded = createKeyset([next, former!], next);
    const value = 'v1.4980c225.hR7PhvZxxSf4DZHY7ird6_UXLGtMsLG1OjKWhYUQAuhxmxBiQfQ0ArBmYuvCwA';
    expect(upgraded.open(value, contexts.accountSecret('one'))).toBe('a secret of before');
    const payload = 'NDk4MGMyMjUxyyBc98H8OpDN/7vi6hH0ZpjHJcsPh0fbFx7lkdTNBYFheAot//qsTH4INbXqbg==';
    expect(Buffer.from(upgraded.openBytes(Buffer.from(payload, 'base64'))).toString()).toBe('a payload of before');
    expect(upgraded.digests('idempotency', 'a body')).toEqual([
      upgraded.digest('idempotency', 'a body'),
      '21a232fb86f239e26f9d978dca0cfe99479689a74aeb90fa24115344ad084e67',
    ]);
  });
});

describe('a ring of master keys', () => {
  const next = newKey();
  const [ring, rotated] = [createMasterKeys(parseKeyRing(key)), createMasterKeys(parseKeyRing(next, key))];
  const material = randomBytes(32);

  it('unwraps keys of an older master key, and wraps with the newest', () => {
    expect(rotated.unwrap(ring.wrap(material, context), context)).toEqual(material);
    const wrapped = rotated.wrap(material, context);
    expect(createMasterKeys(parseKeyRing(next)).unwrap(wrapped, context)).toEqual(material);
    expect(refusal(() => ring.unwrap(wrapped, context))).toMatch(/^No key [0-9a-f]{8} in the ring/);
  });

  it('unwraps no key of another row, and no altered key', () => {
    const wrapped = ring.wrap(material, contexts.dataKey('one', 'a'));
    expect(refusal(() => ring.unwrap(wrapped, contexts.dataKey('one', 'b')))).toMatch(/belongs to another row/);
    expect(refusal(() => ring.unwrap(wrapped, contexts.dataKey('two', 'a')))).toMatch(/belongs to another row/);
    const short = altered(wrapped, (bytes) => bytes.subarray(0, -1));
    expect(refusal(() => ring.unwrap(short, contexts.dataKey('one', 'a')))).toMatch(/was altered/);
    expect(refusal(() => ring.unwrap('no key', context))).toBe('Not a wrapped key.');
  });

  it('names a missing key by the id in the wrapped key', () => {
    const wrapped = ring.wrap(material, context);
    const [, id] = wrapped.split('.');
    const message = refusal(() => createMasterKeys(parseKeyRing(next)).unwrap(wrapped, context));
    expect(message).toBe(`No key ${id} in the ring: add it to ENCRYPTION_KEYS.`);
  });

  it('reads keys in base64 and in hex as the same keys, ignoring blanks and empty entries', () => {
    const hex = Buffer.from(key, 'base64').toString('hex');
    expect(parseKeyRing(next, ` ${hex} ,, `)).toEqual(parseKeyRing(next, key));
  });

  it.each([
    ['too short', randomBytes(16).toString('base64')],
    ['too long', randomBytes(64).toString('base64')],
    ['not a key', 'swordfish-swordfish'],
  ])('refuses a key that is %s, without quoting it', (_why, wrong) => {
    const message = refusal(() => parseKeyRing(wrong));
    expect(message).toBe('ENCRYPTION_KEY must be 32 bytes in base64 or hex.');
    expect(refusal(() => parseKeyRing(key, wrong))).not.toContain(wrong);
  });

  it('names the setting with the wrong key', () =>
    expect(refusal(() => parseKeyRing(key, 'swordfish'))).toMatch(/^Each of ENCRYPTION_KEYS must/));

  it('names the setting to set when there is none', () => {
    expect(refusal(() => createMasterKeys(parseKeyRing('')))).toMatch(/set ENCRYPTION_KEY/);
  });
});

describe('a digest', () => {
  it('is equal for the same text and purpose, and differs for any other', () =>
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(keys.digest('body', one)).toBe(createKeyset([dataKey], dataKey).digest('body', one));
        expect(keys.digest('body', one) === keys.digest('body', other)).toBe(one === other);
        expect(keys.digest('body', one)).not.toBe(keys.digest('subject', one));
      }),
    ));

  it('cannot be made without the key', () => {
    const other = newDataKey();
    expect(keys.digest('body', 'text')).not.toBe(createKeyset([other], other).digest('body', 'text'));
  });
});
