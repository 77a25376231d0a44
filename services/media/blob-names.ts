import { isId } from '../../platform/ids.ts';
import type { BlobName } from './blob-store.ts';

/** Where bytes that have arrived wait for their name. */
export const incoming = 'incoming';

/** The path of bytes in a store: `<first two digits of the hash>/<tenant>.<hash>`. */
export function pathOfBlob({ tenantId, hash }: BlobName): string {
  if (!isId(tenantId) || !isHash(hash)) throw new Error('This names no bytes.');
  return `${hash.slice(0, 2)}/${tenantId}.${hash}`;
}

/** The name in the last part of such a path; null for anything else. */
export function blobNamed(file: string): BlobName | null {
  const [tenantId = '', hash = ''] = file.split('.');
  return isId(tenantId) && isHash(hash) ? { tenantId, hash } : null;
}

const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
