import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common';
import { searchAttributes } from '../domain/search-attributes.ts';
import type { Cause } from '../workflows/messages.ts';
import type { AccountRef } from './client.ts';

/** The name of a tenant; null where the tenant is not in the database. */
export type TenantName = (tenantId: string) => Promise<string | null>;

/** What a start is about: an account, or its tenant alone. */
type StartedFor = AccountRef | { tenantId: string };

/** What every workflow of a tenant is started with. */
export interface StartOptions {
  taskQueue: string;
  typedSearchAttributes: TypedSearchAttributes;
  priority: { fairnessKey: string };
  staticSummary: string;
  staticDetails: string;
}

/** PostgreSQL as Temporal's visibility store takes no longer keyword. */
const longestKeyword = 255;

export function createStartOptions(taskQueue: string, tenantName: TenantName) {
  return async (of: StartedFor, kind: string, summary: string, cause: Cause): Promise<StartOptions> => {
    const name = await tenantName(of.tenantId);
    const pairs: SearchAttributePair[] = [
      { key: searchAttributes.tenant, value: of.tenantId },
      { key: searchAttributes.kind, value: kind },
    ];
    if (name) pairs.push({ key: searchAttributes.tenantName, value: name.slice(0, longestKeyword) });
    if ('accountId' in of)
      pairs.push(
        { key: searchAttributes.account, value: of.accountId },
        { key: searchAttributes.channel, value: of.channel },
        { key: searchAttributes.provider, value: of.provider },
      );
    return {
      taskQueue,
      typedSearchAttributes: new TypedSearchAttributes(pairs),
      // Activities inherit it: the tasks of one tenant's backlog do not delay those of another tenant.
      priority: { fairnessKey: of.tenantId },
      staticSummary: summary,
      staticDetails: `Started by: ${cause}`,
    };
  };
}
