import type { Em } from '../../db/connect.ts';
import { accountShapes, type ShapeGroup } from '../../db/queries/bulk/account-shapes.ts';
import { accountConditions } from '../../db/queries/updates/account-conditions.ts';
import {
  decide,
  syncOf,
  type BulkAccountKind,
  type BulkFilter,
  type BulkOptions,
  type SkipReason,
} from '../../domain/bulk.ts';
import type { Context } from '../context.ts';
import { canHave } from '../syncs/start-syncs.ts';

/** What an operation does, and to which accounts. */
export interface BulkWork {
  tenantId: string;
  kind: BulkAccountKind;
  filter: BulkFilter;
  options: BulkOptions;
}

/** Equal accounts with what is done with each of them. */
export interface DecidedGroup extends ShapeGroup {
  decision: 'ask' | SkipReason;
}

/** Decides for every account that the filter finds now, or for one of them. */
export async function decideAll(
  { providers }: Pick<Context, 'providers'>,
  em: Em,
  { tenantId, kind, filter, options }: BulkWork,
  accountId?: string,
): Promise<DecidedGroup[]> {
  const conditions = accountConditions({ ...filter, account: accountId });
  const groups = await accountShapes(em, tenantId, conditions, options.label ?? null);
  const sync = syncOf(kind);
  return groups.map((group) => ({
    ...group,
    decision: decide(kind, options, group, sync === null || canHave(providers, group, sync)),
  }));
}
