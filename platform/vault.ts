import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

/**
 * Seals secrets with AES-256-GCM. A sealed value names the key it needs, so that keys can be rotated; `context`
 * (tenant, row and column) is authenticated with it, so that a ciphertext moved elsewhere does not open.
 */
export interface Vault {
  /** Ids of the ring's keys; the first seals. */
  keyIds: readonly [string, ...string[]];
  seal(plain: string, context: string): string;
  /** Throws `VaultError` when the key is unknown, the context differs or the value was altered. */
  open(sealed: string, context: string): string;
  sealBytes(plain: Uint8Array): Uint8Array;
  openBytes(sealed: Uint8Array): Uint8Array;
  /** Keyed digest for comparing without keeping, as hex; `purpose` keeps digests of different uses apart. */
  digest(purpose: string, text: string): string;
  /** That digest under every key of the ring, the newest first: what was kept before a rotation is still recognised. */
  digests(purpose: string, text: string): [string, ...string[]];
}

export class VaultError extends Error {
  override name = 'VaultError';
}

/** A key of the ring: its id is stored with each value; the first of a ring seals, all of them open. */
export interface VaultKey {
  id: string;
  key: Buffer;
}

/**
 * Reads `ENCRYPTION_KEY` (the newest) and `ENCRYPTION_KEYS` (older ones, comma separated). A key is 32 bytes in
 * base64 or hex. Its id is derived from it, so that nobody has to keep a list.
 */
export function parseKeyRing(newest: string, older = ''): VaultKey[] {
  const read = (setting: string, text: string): VaultKey => {
    const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
    if (key.length !== 32) throw new VaultError(`${setting} must be 32 bytes in base64 or hex.`);
    return { id: createHmac('sha256', key).update('key-id').digest('hex').slice(0, 8), key };
  };
  const given = (list: string[]): string[] => list.map((text) => text.trim()).filter((text) => text !== '');
  return [
    ...given([newest]).map((text) => read('ENCRYPTION_KEY', text)),
    ...given(older.split(',')).map((text) => read('Each of ENCRYPTION_KEYS', text)),
  ];
}

/** GCM's nonce and tag sizes, in bytes. */
const nonceSize = 12;
const tagSize = 16;

/** Nonces, drawn many at a time: asking for each alone would cost as much as sealing does. Each is used once. */
function createNonces(): () => Uint8Array {
  const size = nonceSize * 256;
  let drawn = Buffer.alloc(0);
  return () => {
    if (drawn.length === 0) drawn = randomBytes(size);
    const nonce = drawn.subarray(0, nonceSize);
    drawn = drawn.subarray(nonceSize);
    return nonce;
  };
}

export function createVault(ring: readonly VaultKey[]): Vault {
  const newest = ring[0];
  if (!newest) throw new VaultError('No encryption key is set: set ENCRYPTION_KEY to 32 random bytes in base64.');
  // As key objects: made from bytes at each use, they would cost most of what sealing costs.
  const cipherKeys = new Map(ring.map(({ id, key }) => [id, createSecretKey(key)]));
  const sealingKey = createSecretKey(newest.key);
  const nextNonce = createNonces();
  const digestKey = ({ key }: VaultKey): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', key, '', 'patchbay-digest', 32)));
  const newestDigestKey = digestKey(newest);
  const olderKeys = ring.slice(1).filter(({ id }) => id !== newest.id);
  const olderDigestKeys = olderKeys.map(digestKey);
  const keyed = (key: KeyObject, purpose: string, text: string): string =>
    createHmac('sha256', key).update(`${purpose}\0${text}`).digest('hex');

  const encrypt = (plain: Uint8Array, context: string): Buffer => {
    const nonce = nextNonce();
    const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]);
  };
  const decrypt = (keyId: string, sealed: Buffer, context: string): Buffer => {
    if (!/^[0-9a-f]{8}$/.test(keyId)) throw new VaultError('Not a sealed value.');
    const found = cipherKeys.get(keyId);
    if (!found) throw new VaultError(`No key ${keyId} in the ring: add it to ENCRYPTION_KEYS.`);
    try {
      const nonce = sealed.subarray(0, nonceSize);
      // Without its length stated, a tag cut short would pass.
      const decipher = createDecipheriv('aes-256-gcm', found, nonce, { authTagLength: tagSize })
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(nonceSize, nonceSize + tagSize));
      return Buffer.concat([decipher.update(sealed.subarray(nonceSize + tagSize)), decipher.final()]);
    } catch {
      throw new VaultError('A sealed value does not open: it was altered or belongs to another row.');
    }
  };

  return {
    keyIds: [newest.id, ...olderKeys.map(({ id }) => id)],
    seal: (plain, context) => `v1.${newest.id}.${encrypt(Buffer.from(plain), context).toString('base64url')}`,
    open: (sealed, context) => {
      const [version, keyId, body] = sealed.split('.');
      if (version !== 'v1' || !keyId || !body) throw new VaultError('Not a sealed value.');
      return decrypt(keyId, Buffer.from(body, 'base64url'), context).toString();
    },
    sealBytes: (plain) => Buffer.concat([Buffer.from(newest.id), encrypt(plain, 'bytes')]),
    openBytes: (sealed) => {
      const buffer = Buffer.from(sealed);
      return decrypt(buffer.subarray(0, 8).toString(), buffer.subarray(8), 'bytes');
    },
    digest: (purpose, text) => keyed(newestDigestKey, purpose, text),
    digests: (purpose, text) => [
      keyed(newestDigestKey, purpose, text),
      ...olderDigestKeys.map((key) => keyed(key, purpose, text)),
    ],
  };
}
