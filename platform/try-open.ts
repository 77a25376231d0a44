import { VaultError, type Vault } from './vault.ts';

/** A sealed value; null for one that nobody can open: it tells nobody anything, and must not stop an erasure. */
export function tryOpen(vault: Vault, value: string, context: string): string | null {
  try {
    return vault.open(value, context);
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}
