import { createHmac, createSecretKey } from 'node:crypto';
import { decrypt, encrypt, VaultError } from './cipher.ts';

export interface MasterKey {
  id: string;
  key: Buffer;
}

/** Wrap data keys only, as `v1.<id of the master key>.<base64url>`. */
export interface MasterKeys {
  /** The first wraps. */
  ids: readonly [string, ...string[]];
  wrap(key: Uint8Array, context: string): string;
  /** Throws `VaultError` when the ring lacks the key, the context differs or the value was altered. */
  unwrap(wrapped: string, context: string): Buffer;
  /** Wraps a master key itself, for values that it sealed before there were data keys. */
  wrapMasterKey(id: string, context: string): string;
}

/** Keys are 32 bytes in base64 or hex, older ones comma separated. An id is derived from its key. */
export function parseKeyRing(newest: string, older = ''): MasterKey[] {
  const read = (setting: string, text: string): MasterKey => {
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

export function createMasterKeys(ring: readonly MasterKey[]): MasterKeys {
  const keys = new Map(ring.map(({ id, key }) => [id, createSecretKey(key)]));
  const [newest, ...older] = keys.keys();
  if (!newest) throw new VaultError('No encryption key is set: set ENCRYPTION_KEY to 32 random bytes in base64.');
  const keyOf = (id: string) => {
    const found = keys.get(id);
    if (!found) throw new VaultError(`No key ${id} in the ring: add it to ENCRYPTION_KEYS.`);
    return found;
  };
  const wrap = (key: Uint8Array, context: string): string =>
    `v1.${newest}.${encrypt(keyOf(newest), key, context).toString('base64url')}`;
  return {
    ids: [newest, ...older],
    wrap,
    unwrap: (wrapped, context) => {
      const [version, id, body] = wrapped.split('.');
      if (version !== 'v1' || !id || !body) throw new VaultError('Not a wrapped key.');
      return decrypt(keyOf(id), Buffer.from(body, 'base64url'), context);
    },
    wrapMasterKey: (id, context) => wrap(keyOf(id).export(), context),
  };
}
