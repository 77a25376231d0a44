import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Temporal stores these unsealed: ids, words of ours and the operator's name of a tenant, never personal data. */
export const searchAttributes = {
  tenant: keyword('PatchbayTenant'),
  /** The tenant's name at the start of the run. */
  tenantName: keyword('PatchbayTenantName'),
  account: keyword('PatchbayAccount'),
  channel: keyword('PatchbayChannel'),
  provider: keyword('PatchbayProvider'),
  /** In which the run left the account; not set while it runs, nor by other kinds. */
  state: keyword('PatchbayState'),
  kind: keyword('PatchbayKind'),
};
