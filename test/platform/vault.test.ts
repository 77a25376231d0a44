import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { sealed as contexts } from '../../db/sealed.ts';
import { createVault, parseKeyRing, VaultError } from '../../platform/vault.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const key = newKey();
const vault = createVault(parseKeyRing(key));
const context = contexts.accountSecret('one');
const text = fc.string({ unit: 'grapheme', maxLength: 200 });

/** A sealed text with its bytes changed by `change`. */
const altered = (sealed: string, change: (bytes: Buffer) => Buffer): string => {
  const [version, id, body = ''] = sealed.split('.');
  return [version, id, change(Buffer.from(body, 'base64url')).toString('base64url')].join('.');
};

/** The message of what `work` throws, which must be a single line. */
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
  it('opens to what was sealed', () =>
    fc.assert(
      fc.property(text, text, (plain, where) => expect(vault.open(vault.seal(plain, where), where)).toBe(plain)),
    ));

  it('is another one each time and shows nothing of what is inside', () => {
    const [one, two] = [vault.seal('a secret of some length', context), vault.seal('a secret of some length', context)];
    expect(one).not.toBe(two);
    expect(Buffer.from(one.split('.')[2] ?? '', 'base64url').includes('secret')).toBe(false);
  });

  it('does not open in another row or another column', () => {
    const sealed = vault.seal('a secret', contexts.accountSecret('one'));
    expect(refusal(() => vault.open(sealed, contexts.accountSecret('two')))).toMatch(/belongs to another row/);
    expect(refusal(() => vault.open(sealed, contexts.rawDetails('one')))).toMatch(/belongs to another row/);
  });

  it('does not open once any bit of it was altered', () =>
    fc.assert(
      fc.property(text, fc.nat(), fc.integer({ min: 0, max: 7 }), (plain, where, bit) => {
        const bad = altered(vault.seal(plain, context), (bytes) => {
          const at = where % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
          return bytes;
        });
        expect(refusal(() => vault.open(bad, context))).toMatch(/was altered/);
      }),
    ));

  it.each(['', 'a secret'])('does not open once it was cut short: "%s"', (plain) => {
    const sealed = vault.seal(plain, context);
    const length = Buffer.from(sealed.split('.')[2] ?? '', 'base64url').length;
    for (let kept = 1; kept < length; kept++)
      refusal(() =>
        vault.open(
          altered(sealed, (bytes) => bytes.subarray(0, kept)),
          context,
        ),
      );
  });

  it.each(['', 'plain text', 'v1', 'v1..', 'v2.00000000.AAAA', 'v1.not-a-key.AAAA', 'v1.two\nlines.AAAA'])(
    'is told from what never was one: %j',
    (other) => expect(refusal(() => vault.open(other, context))).toBe('Not a sealed value.'),
  );
});

describe('sealed bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });

  it('open to what was sealed', () =>
    fc.assert(fc.property(bytes, (plain) => expect([...vault.openBytes(vault.sealBytes(plain))]).toEqual([...plain]))));

  it('do not open once any byte was altered, the name of their key included', () =>
    fc.assert(
      fc.property(bytes, fc.nat(), (plain, where) => {
        const bad = Buffer.from(vault.sealBytes(plain));
        const at = where % bad.length;
        bad[at] = (bad[at] ?? 0) ^ 1;
        refusal(() => vault.openBytes(bad));
      }),
    ));
});

describe('a ring of keys', () => {
  const next = newKey();
  const rotated = createVault(parseKeyRing(next, key));

  it('opens what an older key sealed', () => {
    expect(rotated.open(vault.seal('a secret', context), context)).toBe('a secret');
    expect(Buffer.from(rotated.openBytes(vault.sealBytes(Buffer.from('bytes')))).toString()).toBe('bytes');
  });

  it('seals with the newest', () => {
    const sealed = rotated.seal('a secret', context);
    expect(createVault(parseKeyRing(next)).open(sealed, context)).toBe('a secret');
    expect(refusal(() => vault.open(sealed, context))).toMatch(/^No key [0-9a-f]{8} in the ring/);
  });

  it('names the key that is missing, as it is named in what it sealed', () => {
    const sealed = vault.seal('a secret', context);
    const [, id] = sealed.split('.');
    const message = refusal(() => createVault(parseKeyRing(next)).open(sealed, context));
    expect(message).toBe(`No key ${id} in the ring: add it to ENCRYPTION_KEYS.`);
  });

  it('takes keys in base64 and in hex as the same keys, blanks and empty places aside', () => {
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

  it('says which of the two settings holds the wrong key', () =>
    expect(refusal(() => parseKeyRing(key, 'swordfish'))).toMatch(/^Each of ENCRYPTION_KEYS must/));

  it('says what to set when there is none', () => {
    expect(refusal(() => createVault(parseKeyRing('')))).toMatch(/set ENCRYPTION_KEY/);
  });
});

describe('a digest', () => {
  it('is the same for the same text and purpose, and another for any other', () =>
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(vault.digest('body', one)).toBe(createVault(parseKeyRing(key)).digest('body', one));
        expect(vault.digest('body', one) === vault.digest('body', other)).toBe(one === other);
        expect(vault.digest('body', one)).not.toBe(vault.digest('subject', one));
      }),
    ));

  it('cannot be made without the key', () =>
    expect(vault.digest('body', 'text')).not.toBe(createVault(parseKeyRing(newKey())).digest('body', 'text')));
});
