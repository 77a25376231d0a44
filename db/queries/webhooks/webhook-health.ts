import type { Em } from '../../connect.ts';
import { MissedWebhooks, WebhookWatch } from '../../entities/missed-webhooks.ts';

/** How well webhooks tell of an account: what they missed by day, newest first, and what is watched now. */
export interface WebhookHealth {
  days: MissedWebhooks[];
  watch: WebhookWatch | null;
}

const mostDays = 31;

export async function webhookHealth(em: Em, accountId: string): Promise<WebhookHealth> {
  const days = await em.find(MissedWebhooks, { accountId }, { orderBy: { day: 'desc' }, limit: mostDays });
  return { days, watch: await em.findOne(WebhookWatch, { accountId }) };
}
