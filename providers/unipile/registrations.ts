import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
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
}

const made = z.object({ webhook_id: z.string().min(1) });

/**
 * Registers both sources at `address`, then deletes what stood there before: in between an event may come twice, but
 * none is missed. Registrations at other addresses are other people's.
 */
export async function registerWebhooks(call: ProviderCall, address: string, secret: string): Promise<string[]> {
  const before = (await listed(call)).filter((one) => one.request_url === address);
  const ids: string[] = [];
  for (const { source, events } of wanted) {
    const answer = await request(call, 'POST', '/webhooks', {
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
    });
    const { success, data } = made.safeParse(answer);
    if (!success) throw new ProviderFailure('provider_unavailable', 'UniPile answered a registration without its id.');
    ids.push(data.webhook_id);
  }
  for (const old of before) await request(call, 'DELETE', `/webhooks/${segment(old.id)}`);
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
