import type { Em } from '../../db/connect.ts';
import type { Redirects } from '../../db/entities/attempts.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { isBelow, returnOutcomes } from '../../domain/addresses.ts';
import { Problem } from '../problem.ts';

const allows = (allowed: readonly string[] | null, address: string | undefined): boolean =>
  address === undefined || allowed === null || allowed.some((one) => isBelow(address, one));

/** 422 for a way back that the tenant's list does not allow. In the tenant's transaction. */
export async function checkRedirects(em: Em, tenantId: string, redirects: Redirects | undefined): Promise<void> {
  if (!redirects) return;
  const { returnAddresses } = await em.findOneOrFail(Tenant, { id: tenantId });
  const outside = returnOutcomes.filter((name) => !allows(returnAddresses, redirects[name]));
  if (!outside.length) return;
  const errors = outside.map((name) => ({
    field: `redirects.${name}`,
    message: 'must be one of the return_addresses of your tenant, or below one.',
  }));
  throw new Problem('invalid_request', errors.map(({ field, message }) => `${field}: ${message}`).join(' '), {
    errors,
    fix: 'Give an address of the list, or add this one with PATCH /api/v1/tenant.',
  });
}

/** Those ways back of an earlier login that the list still allows. */
export async function stillAllowed(em: Em, tenantId: string, redirects: Redirects | null): Promise<Redirects | null> {
  if (!redirects) return null;
  const { returnAddresses } = await em.findOneOrFail(Tenant, { id: tenantId });
  return Object.fromEntries(Object.entries(redirects).filter(([, address]) => allows(returnAddresses, address)));
}
