import { request, segment } from './http.ts';
import type { ProviderCall } from '../provider.ts';

/** The header in which UniPile brings our secret: v1 signs nothing, it only repeats the headers it was given. */
export const secretHeader = 'patchbay-webhook-secret';

export const messagingEvents = ['message_received', 'message_read', 'message_reaction'] as const;
const wanted = [
  { source: 'account_status', events: undefined },
  { source: 'messaging', events: [...messagingEvents] },
];

interface Registration {
  id: string;
  request_url: string;
  headers?: { key: string; value: string }[];
  events?: string[];
}

/** Registers both sources at `address`; what already stands there with our secret is kept, stale ones are deleted. */
export async function registerWebhooks(call: ProviderCall, address: string, secret: string): Promise<string[]> {
  const ours = (await listed(call)).filter((one) => one.request_url === address);
  for (const old of ours) await request(call, 'DELETE', `/webhooks/${segment(old.id)}`);
  const ids: string[] = [];
  for (const { source, events } of wanted) {
    const made = (await request(call, 'POST', '/webhooks', {
      name: `patchbay ${source}`,
      request_url: address,
      source,
      format: 'json',
      enabled: true,
      headers: [
        { key: secretHeader, value: secret },
        // Without it UniPile sends JSON under a form's content type.
        { key: 'Content-Type', value: 'application/json' },
      ],
      ...(events ? { events } : {}),
    })) as { webhook_id: string };
    ids.push(made.webhook_id);
  }
  return ids;
}

async function listed(call: ProviderCall): Promise<Registration[]> {
  const all: Registration[] = [];
  let cursor: string | null = null;
  do {
    const page = (await request(call, 'GET', '/webhooks', undefined, cursor ? { cursor } : { limit: '250' })) as {
      items?: Registration[];
      cursor?: string | null;
    };
    all.push(...(page.items ?? []));
    cursor = page.cursor ?? null;
  } while (cursor);
  return all;
}
