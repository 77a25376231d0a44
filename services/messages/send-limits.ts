import type { Account } from '../../db/entities/accounts.ts';
import { limitsInForce, type SendLimits } from '../../domain/send-limits.ts';

/** How much an account may send now. */
export const sendLimitsOf = (account: Account, now: Date): SendLimits =>
  limitsInForce(
    {
      channel: account.channel,
      published: account.providerConfig?.rate_limits ?? null,
      own: account.sendLimits,
      connectedAt: account.createdAt,
    },
    now,
  );
