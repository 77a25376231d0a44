import { VaultError } from './cipher.ts';
import type { Keyset } from './keyset.ts';

/** Null for a value that does not open: it must not stop an erasure. */
export function tryOpen(keys: Keyset, value: string, context: string): string | null {
  try {
    return keys.open(value, context);
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}
