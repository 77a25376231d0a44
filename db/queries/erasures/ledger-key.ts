import { createHmac, randomBytes } from 'node:crypto';
import { subjectName, type Subject } from '../../../domain/erasure.ts';
import { newId } from '../../../platform/ids.ts';
import type { Vault } from '../../vault.ts';
import type { Database, Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { sealed } from '../../sealed.ts';

/** Makes the digests that stand for people and for webhook secrets. They outlive the encryption keys: only the wrapping of their key changes. */
export interface Ledger {
  /** Null: of an event whose tenant is not known. Digests of two tenants for one person have nothing in common. */
  digest(tenantId: string | null, subject: Subject): string;
  /** The hash by which a webhook secret is found. */
  secretHash(secret: string): string;
  /** Tells the key apart without telling it. */
  fingerprint: string;
}

/** Opened once per process. */
const opened = new WeakMap<Vault, Ledger>();

/** Makes the installation's key where there is none. A master key wraps it: a kept ledger opens without the database. */
export async function ensureLedgerKey(db: Database, vault: Vault, now: Date): Promise<void> {
  const id = newId();
  const value = vault.masterKeys.wrap(Buffer.from(randomBytes(32).toString('base64')), sealed.ledgerKey(id));
  await db.system((em) => addLedgerKey(em, { id, value }, now));
}

export async function addLedgerKey(em: Em, { id, value }: WrappedLedgerKey, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into ledger_keys (id, tenant_id, value, created_at) values (${id}, null, ${value}, ${now}) on conflict do nothing`,
  );
}

/** The key in base64, wrapped by a master key. */
export interface WrappedLedgerKey {
  id: string;
  value: string;
}

export async function wrappedLedgerKey(em: Em): Promise<WrappedLedgerKey | null> {
  const [row] = await rows<WrappedLedgerKey>(em, sql`select id, value from ledger_keys where tenant_id is null`);
  return row ?? null;
}

/** The ledger's digests, with the key that the database holds. */
export async function openLedger(em: Em, vault: Vault): Promise<Ledger> {
  const known = opened.get(vault);
  if (known) return known;
  const row = await wrappedLedgerKey(em);
  if (!row) throw new Error('There is no key of the ledger yet: each process makes it at its start.');
  const ledger = ledgerOf(vault, row);
  opened.set(vault, ledger);
  return ledger;
}

export function ledgerOf(vault: Vault, { id, value }: WrappedLedgerKey): Ledger {
  const key = Buffer.from(vault.masterKeys.unwrap(value, sealed.ledgerKey(id)).toString(), 'base64');
  const keyed = (text: string): string =>
    createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('base64url');
  return {
    digest: (tenantId, subject) => keyed(`${tenantId ?? ''}\0${subjectName(subject)}`),
    secretHash: (secret) => keyed(`webhook secret\0${secret}`),
    fingerprint: keyed('fingerprint'),
  };
}
