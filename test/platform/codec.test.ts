import {
  ActivityFailure,
  ApplicationFailure,
  defaultPayloadConverter,
  RetryState,
  type LoadedDataConverter,
} from '@temporalio/common';
import {
  decodeOptionalFailureToOptionalError,
  encodeErrorToFailure,
} from '@temporalio/common/lib/internal-non-workflow/codec-helpers.js';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/data-converter-helpers.js';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { createCodec, createDataConverter, decodePayload } from '../../temporal/codec.ts';
import { VaultError } from '../../platform/cipher.ts';
import { createKeyset } from '../../platform/keyset.ts';
import { testKeys } from '../support/key.ts';

const { Payload } = proto.temporal.api.common.v1;
const { Failure } = proto.temporal.api.failure.v1;

const codec = createCodec(async () => testKeys);
const converter: LoadedDataConverter = loadDataConverter(createDataConverter(async () => testKeys));
const secret = 'correct-horse-battery-staple';

/** The stored bytes must hold the secret neither plainly nor in base64. */
function expectHidden(bytes: Uint8Array): void {
  expect(bytes.length).toBeGreaterThan(0);
  for (const form of [secret, ...[0, 1, 2].map((shift) => base64Within(shift))])
    expect(Buffer.from(bytes).includes(form)).toBe(false);
}

/** Base64 of the secret from `shift` bytes into a group, without the characters that it shares. */
const base64Within = (shift: number): string =>
  Buffer.from('x'.repeat(shift) + secret)
    .toString('base64')
    .slice(4, -4);

describe('a payload', () => {
  const payload = (value: unknown) => defaultPayloadConverter.toPayload(value);

  it('is decoded to its original', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const [back] = await codec.decode(await codec.encode([payload(value)]));
        expect(back).toBeDefined();
        expect(defaultPayloadConverter.fromPayload(back!)).toEqual(defaultPayloadConverter.fromPayload(payload(value)));
      }),
    ));

  it('keeps its kind: nothing, bytes and JSON', async () => {
    const values = [undefined, new Uint8Array([1, 2, 3]), { a: [1, null] }];
    const back = await codec.decode(await codec.encode(values.map(payload)));
    expect(back.map((one) => defaultPayloadConverter.fromPayload(one))).toEqual(values);
  });

  it('shows Temporal neither its data nor its metadata', async () => {
    const [sealed] = await codec.encode([
      {
        metadata: { encoding: Buffer.from('json/plain'), note: Buffer.from(secret) },
        data: Buffer.from(`"${secret}"`),
      },
    ]);
    expectHidden(Payload.encode(sealed!).finish());
    expect(Object.keys(sealed?.metadata ?? {})).toEqual(['encoding']);
  });

  it('opens only with a keyset that has its key', async () => {
    const [one, next] = [1, 2].map((n) => ({ id: `00000000000${n}`, key: Buffer.alloc(32, n) }));
    const codecOf = (...keys: { id: string; key: Buffer }[]) => createCodec(async () => createKeyset(keys, keys[0]!));
    const sealed = await codecOf(one!).encode([payload('ids')]);
    const [back] = await codecOf(next!, one!).decode(sealed);
    expect(defaultPayloadConverter.fromPayload(back!)).toBe('ids');
    await expect(codecOf(next!).decode(sealed)).rejects.toThrow(VaultError);
  });

  it('is returned unchanged when it was never sealed', () => {
    const plain = payload('written by the server itself');
    expect(decodePayload(testKeys, plain)).toBe(plain);
  });
});

describe('a failure', () => {
  const thrown = (): Error => {
    const cause = ApplicationFailure.create({ message: `token ${secret}`, type: 'login_lost', details: [secret] });
    const outer = new Error(`could not log in with ${secret}`, { cause });
    outer.stack = `Error: ${secret}\n    at login (${secret}.ts:1:1)`;
    return outer;
  };

  it('would show its secrets without the sealing, so that the next tests prove something', async () => {
    const plain = Failure.encode(await encodeErrorToFailure(loadDataConverter({}), thrown())).finish();
    expect(() => expectHidden(plain)).toThrow();
    const sealed = Buffer.from(`xx${secret}xx`).toString('base64');
    expect(() => expectHidden(Buffer.from(sealed))).toThrow();
  });

  it('keeps its message, stack, details and causes out of the raw bytes', async () => {
    const failure = await encodeErrorToFailure(converter, thrown());
    expect(failure.cause?.encodedAttributes).toBeTruthy();
    expectHidden(Failure.encode(failure).finish());
  });

  it('keeps them out of an activity failure around it, too', async () => {
    const cause = ApplicationFailure.create({ message: secret, type: 'unexpected', cause: thrown() });
    const failed = new ActivityFailure(
      'failed',
      'beginLogin',
      '1',
      RetryState.MAXIMUM_ATTEMPTS_REACHED,
      'worker',
      cause,
    );
    expectHidden(Failure.encode(await encodeErrorToFailure(converter, failed)).finish());
  });

  it('is decoded with all its parts', async () => {
    const stored = Failure.decode(Failure.encode(await encodeErrorToFailure(converter, thrown())).finish());
    const back = await decodeOptionalFailureToOptionalError(converter, stored);
    expect(back?.message).toBe(`could not log in with ${secret}`);
    expect(back?.stack).toContain(`${secret}.ts:1:1`);
    expect(back?.cause).toBeInstanceOf(ApplicationFailure);
    expect(back?.cause).toMatchObject({ message: `token ${secret}`, type: 'login_lost', details: [secret] });
  });

  it('shows its code, which retries and operators need', async () => {
    const failure = await encodeErrorToFailure(
      converter,
      ApplicationFailure.create({ message: secret, type: 'rate_limited' }),
    );
    expect(failure.applicationFailureInfo?.type).toBe('rate_limited');
    expect(failure.message).not.toContain(secret);
  });
});
