import type { Scope } from '../domain/scopes.ts';
import type { Context } from './context.ts';
import { Problem } from './problem.ts';

/** The caller: a key of a tenant, with what it may do. */
export interface Principal {
  tenantId: string;
  keyId: string;
  scopes: readonly Scope[];
}

/** Throws unless the key has the scope; says which one is missing. */
export function requireScope({ scopes }: Principal, scope: Scope): void {
  if (!scopes.includes(scope))
    throw new Problem('missing_scope', `The key lacks the scope "${scope}".`, {
      fix: `Use a key with the scope "${scope}".`,
      headers: { 'www-authenticate': `Bearer realm="patchbay", error="insufficient_scope", scope="${scope}"` },
    });
}

/** A caller's request. `operationId` stays the same when the request is executed again under its Idempotency-Key. */
export interface CallerRequest {
  context: Context;
  principal: Principal;
  operationId: string;
}
