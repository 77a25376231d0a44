import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Ids and words of ours only, never personal data. */
export const searchAttributes = {
  tenant: keyword('PatchbayTenant'),
  account: keyword('PatchbayAccount'),
  channel: keyword('PatchbayChannel'),
  provider: keyword('PatchbayProvider'),
  /** In which the run left the account; not set while it runs, nor by other kinds. */
  state: keyword('PatchbayState'),
  kind: keyword('PatchbayKind'),
};
