import { defineEntity, p } from '@mikro-orm/core';
import type { AccountState, Who } from '../../domain/accounts.ts';
import type { Channel, ProviderName } from '../../domain/channels.ts';

const AccountCountSchema = defineEntity({
  name: 'AccountCount',
  tableName: 'account_counts',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    provider: p.text().$type<ProviderName>(),
    channel: p.text().$type<Channel>(),
    state: p.text().$type<AccountState>(),
    reason: p.text().strictNullable(),
    who: p.text().$type<Who>(),
    /** May be negative: rows of one kind are added up. */
    accounts: p.integer(),
  },
});
/** Accounts that are not merged, by kind. Triggers write it: one row for each account that comes or goes. */
export class AccountCount extends AccountCountSchema.class {}
AccountCountSchema.setClass(AccountCount);
