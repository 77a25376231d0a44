import type { State } from '../state.ts';
import type { HostedLink } from './links.ts';

/**
 * Posts the page's callback, which has a shape of its own, beside the webhooks. Resolves when it has been tried once,
 * whatever came of it.
 */
export function notify(state: State, link: HostedLink, status: string, accountId: string | null): Promise<void> {
  const { notify_url: url, name } = link.body;
  if (url === undefined) return Promise.resolve();
  const variants = state.variants.values;
  return new Promise((tried) =>
    state.shared.deliveries.send({
      provider: 'unipile',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status, account_id: accountId, ...(name !== undefined && { name }) }),
      lane: `unipile hosted ${link.id}`,
      label: `hosted ${status}`,
      retries: variants.hosted_notify_retries,
      retryBaseSeconds: variants.webhook_retry_base_seconds,
      timeoutSeconds: variants.webhook_timeout_seconds,
      succeeded: (code) => code >= 200 && code < 300,
      tried,
    }),
  );
}
