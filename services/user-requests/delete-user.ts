import type { Em } from '../../db/connect.ts';
import { openErasure } from '../../db/queries/erasures/erasures.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { addTenantEvent } from '../../db/queries/tenants/timeline.ts';
import {
  addErasure,
  codeOfRequest,
  insertRequest,
  notePart,
  openParts,
  type NewUserRequest,
  type OpenPart,
} from '../../db/queries/user-requests/user-requests.ts';
import { firstId, newId } from '../../platform/ids.ts';
import { disconnectAccount } from '../connections/disconnect-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import type { SignedRequest } from './read-user-request.ts';

/** Accounts that the request itself disconnects; the reconciler disconnects the others. */
const atOnce = 20;

/** The erasures that a stored request opened, each in its tenant. */
type OpenedErasures = { tenantId: string; erasureId: string }[];

/**
 * Begins to delete what is stored of a user: every account of the group is disconnected and purged, and the user is erased
 * from the tenants that had them. Answers the code by which the deletion is shown. A repeat, and another request while one is
 * not done, answer the same code and begin nothing.
 */
export async function deleteUser(context: Context, signed: SignedRequest): Promise<string> {
  const stored = await context.db.system((em) => store(context, em, signed));
  if (!stored.id) return stored.code;
  const { id: requestId, code, erasures } = stored;
  for (const erasure of erasures)
    await context.temporal
      .startErasure(erasure, 'api')
      .catch((error: unknown) =>
        context.log.warn(
          { erasure: erasure.erasureId, err: error },
          'an erasure could not be started; the reconciler will',
        ),
      );
  try {
    const parts = await context.db.system((em) => openParts(em, { requestId }, firstId, atOnce));
    await Promise.all(parts.map((part) => disconnectPart(context, part)));
  } catch (error) {
    context.log.warn({ err: error }, 'an account of a deletion was not disconnected; the reconciler will have it done');
  }
  return code;
}

async function store(
  { vault, clock }: Context,
  em: Em,
  { sender, request }: SignedRequest,
): Promise<{ id: string | null; code: string; erasures: OpenedErasures }> {
  const { credentialsId, tenantId, provider } = sender;
  const { group, dedupeKey, subjects } = request;
  const ledger = await openLedger(em, vault);
  const hash = (what: string, value: string): string => ledger.secretHash(`user request ${what}\0${value}`);
  const asked: NewUserRequest = {
    tenantId,
    credentialsId,
    provider,
    groupHash: hash('group', group),
    dedupeHash: hash('key', dedupeKey),
  };
  const known = await codeOfRequest(em, asked);
  if (known) return { id: null, code: known, erasures: [] };
  const now = clock.now();
  const made = await insertRequest(em, asked, group, now);
  if (!made) return { id: null, code: (await codeOfRequest(em, asked)) ?? '', erasures: [] };
  const erasures: OpenedErasures = [];
  for (const tenant of made.tenantIds) {
    const text = 'A user of a provider asked there for deletion: their accounts are disconnected and purged.';
    addTenantEvent(em, { tenantId: tenant, at: now, kind: 'deletion_requested', text, data: { provider } });
    if (!subjects.length) continue;
    const erasure = { tenantId: tenant, erasureId: newId() };
    await openErasure(em, vault, erasure, { subjects: [...subjects], contactIds: [] }, now);
    await addErasure(em, made.id, tenant, erasure.erasureId);
    erasures.push(erasure);
  }
  return { id: made.id, code: made.code, erasures };
}

/** Disconnects an account that a deletion is about, with all of its data; safe to repeat. */
export async function disconnectPart(context: Context, { id, tenant_id: tenantId, account_id: accountId }: OpenPart) {
  const principal = { tenantId, keyId: '', scopes: [] };
  let attemptId: string | null;
  try {
    const { attempt } = await disconnectAccount({ context, principal, operationId: newId() }, accountId, true);
    attemptId = attempt.id;
  } catch (error) {
    // It was merged into another account, or is gone: nothing of it is left.
    if (!(error instanceof Problem) || !['not_found', 'account_merged'].includes(error.code)) throw error;
    attemptId = null;
  }
  await context.db.system((em) => notePart(em, id, attemptId, context.clock.now()));
}
