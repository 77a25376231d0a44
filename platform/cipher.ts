import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

/** A key is missing or wrong, or a sealed value was altered or moved. */
export class VaultError extends Error {
  override name = 'VaultError';
}

const nonceSize = 12;
const tagSize = 16;
const noncesAtOnce = 256;

/** Draws many nonces at a time: one random call per nonce costs as much as the encryption. */
function createNonces(): () => Uint8Array {
  let drawn = Buffer.alloc(0);
  return () => {
    if (drawn.length === 0) drawn = randomBytes(nonceSize * noncesAtOnce);
    const nonce = drawn.subarray(0, nonceSize);
    drawn = drawn.subarray(nonceSize);
    return nonce;
  };
}
const nextNonce = createNonces();

/** AES-256-GCM as nonce, tag and ciphertext. `context` is authenticated, not contained. */
export function encrypt(key: KeyObject, plain: Uint8Array, context: string): Buffer {
  const nonce = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** Throws `VaultError` when the key or context differs, or the value was altered. */
export function decrypt(key: KeyObject, sealed: Buffer, context: string): Buffer {
  try {
    const nonce = sealed.subarray(0, nonceSize);
    // Without the stated length, a truncated tag would pass.
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagSize })
      .setAAD(Buffer.from(context))
      .setAuthTag(sealed.subarray(nonceSize, nonceSize + tagSize));
    return Buffer.concat([decipher.update(sealed.subarray(nonceSize + tagSize)), decipher.final()]);
  } catch {
    throw new VaultError('A sealed value does not open: it was altered or belongs to another row.');
  }
}
