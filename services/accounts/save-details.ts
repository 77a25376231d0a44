import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { keepAccountKeys } from '../../db/queries/accounts/account-keys.ts';
import { keepGroups } from '../../db/queries/accounts/provider-groups.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { sealed } from '../../db/sealed.ts';
import { detailChanges, type AccountDetails, type DetailChange } from '../../domain/accounts.ts';
import type { Vault } from '../../db/vault.ts';
import type { AccountView } from '../../providers/provider.ts';

/** What a collection would change. */
export function changesOf(account: Account, details: AccountDetails): DetailChange[] {
  const before =
    account.connectionConfig && account.providerConfig
      ? { connection_config: account.connectionConfig, provider_config: account.providerConfig }
      : null;
  return detailChanges(before, details);
}

/** Stores an account's details and the provider's raw answer (sealed), and records what changed by path. */
export async function saveDetails(
  vault: Vault,
  em: Em,
  account: Account,
  view: AccountView,
  details: AccountDetails,
  at: Date,
): Promise<DetailChange[]> {
  const changes = changesOf(account, details);
  const keys = await vault.keysOf(em, account.tenantId);
  const { full_api_response: _raw, ...connectionConfig } = details.connection_config;
  account.connectionConfig = connectionConfig;
  account.providerConfig = details.provider_config;
  account.rawDetails = keys.seal(JSON.stringify(view.raw), sealed.rawDetails(account.id));
  await keepAccountKeys(em, vault, account, view.keys, at);
  keepGroups(account, view.groups);
  account.detailsAt = at;
  account.lastSyncAt = at;
  account.updatedAt = at;
  if (changes.length)
    addTimelineEvent(em, account, at, 'details_changed', `Account details changed: ${changes.length} points.`, {
      data: { changes },
    });
  return changes;
}
