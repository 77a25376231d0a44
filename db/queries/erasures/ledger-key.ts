import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { subjectName, type Subject } from '../../../domain/erasure.ts';
import { newId } from '../../../platform/ids.ts';
import type { Vault } from '../../vault.ts';
import type { Database, Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { sealed } from '../../sealed.ts';

/** Digests of people and webhook secrets. They outlive encryption keys: only their key's wrapping changes. */
export interface Ledger {
  /** Null: of an event without a known tenant. One person's digests of two tenants differ. */
  digest(tenantId: string | null, subject: Subject): string;
  secretHash(secret: string): string;
  /** Identifies the key without revealing it. */
  fingerprint: string;
}

/** Opened once per process. */
const opened = new WeakMap<Vault, Ledger>();

/** Creates the installation's key. A master key wraps it: a ledger file opens without the database. */
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

export interface WrappedLedgerKey {
  id: string;
  value: string;
}

export async function wrappedLedgerKey(em: Em): Promise<WrappedLedgerKey | null> {
  const [row] = await rows<WrappedLedgerKey>(em, sql`select id, value from ledger_keys where tenant_id is null`);
  return row ?? null;
}

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
  // A key object: a digest with bytes takes ten times as long.
  const key = createSecretKey(Buffer.from(vault.masterKeys.unwrap(value, sealed.ledgerKey(id)).toString(), 'base64'));
  const keyed = (text: string): string =>
    createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('base64url');
  return {
    digest: (tenantId, subject) => keyed(`${tenantId ?? ''}\0${subjectName(subject)}`),
    secretHash: (secret) => keyed(`webhook secret\0${secret}`),
    fingerprint: keyed('fingerprint'),
  };
}
