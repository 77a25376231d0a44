import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { decrypt, encrypt, VaultError } from './cipher.ts';

/** An unwrapped key of 32 bytes, and the id that sealed values carry (8 or 12 characters). */
export interface DataKey {
  id: string;
  key: Buffer;
}

/**
 * Data keys of one owner: one seals, all open. A sealed value is `v2.<id of the data key>.<base64url>`; `v1.` names a
 * master key, from before data keys. `context` (column and row) is authenticated: a ciphertext opens only in its own
 * place.
 */
export interface Keyset {
  seal(plain: string, context: string): string;
  /** Throws `VaultError` when the key is missing, the context differs or the value was altered. */
  open(sealed: string, context: string): string;
  sealBytes(plain: Uint8Array): Uint8Array;
  openBytes(sealed: Uint8Array): Uint8Array;
  /** A keyed digest in hex; `purpose` separates different uses. */
  digest(purpose: string, text: string): string;
  /** The digest under every key, the sealing one first: values digested under an older key are recognised. */
  digests(purpose: string, text: string): [string, ...string[]];
}

const bytesContext = 'bytes';
const idForm = /^[0-9a-z]{8,12}$/;
// The longer first: bytes begin with the id.
const idLengths = [12, 8];

export function createKeyset(keys: readonly DataKey[], sealing: DataKey): Keyset {
  // Key objects: making them from bytes at each use costs most of the time of sealing.
  const cipherKeys = new Map(keys.map(({ id, key }) => [id, createSecretKey(key)]));
  const sealingKey = createSecretKey(sealing.key);
  const digestKeys = new Map<DataKey, KeyObject>();
  const digestWith = (one: DataKey, purpose: string, text: string): string => {
    let key = digestKeys.get(one);
    if (!key) {
      key = createSecretKey(Buffer.from(hkdfSync('sha256', one.key, '', 'patchbay-digest', 32)));
      digestKeys.set(one, key);
    }
    return createHmac('sha256', key).update(`${purpose}\0${text}`).digest('hex');
  };
  const others = keys.filter(({ id }) => id !== sealing.id);
  return {
    seal: (plain, context) =>
      `v2.${sealing.id}.${encrypt(sealingKey, Buffer.from(plain), context).toString('base64url')}`,
    open: (sealed, context) => {
      const [version, id, body] = sealed.split('.');
      if ((version !== 'v1' && version !== 'v2') || !id || !idForm.test(id) || !body)
        throw new VaultError('Not a sealed value.');
      const key = cipherKeys.get(id);
      if (!key)
        throw new VaultError(`Data key ${id} is not here: it is another tenant's, or was deleted with its tenant.`);
      return decrypt(key, Buffer.from(body, 'base64url'), context).toString();
    },
    sealBytes: (plain) => Buffer.concat([Buffer.from(sealing.id), encrypt(sealingKey, plain, bytesContext)]),
    openBytes: (sealed) => {
      const buffer = Buffer.from(sealed);
      for (const length of idLengths) {
        const key = cipherKeys.get(buffer.subarray(0, length).toString('latin1'));
        if (key) return decrypt(key, buffer.subarray(length), bytesContext);
      }
      throw new VaultError('No data key of this installation opens this payload.');
    },
    digest: (purpose, text) => digestWith(sealing, purpose, text),
    digests: (purpose, text) => [
      digestWith(sealing, purpose, text),
      ...others.map((one) => digestWith(one, purpose, text)),
    ],
  };
}
