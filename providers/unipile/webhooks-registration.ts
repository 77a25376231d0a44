import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
import type { WebhookTargets } from '../contract/account.ts';
import type { CredentialsCall } from '../provider.ts';
import { everyItem, request } from './client.ts';
import { segment } from './ids.ts';

/** The header in which UniPile sends our secret: v1 signs nothing, it only repeats the headers it was given. */
export const secretHeader = 'Patchbay-Webhook-Secret';

/** The events of messages in UniPile's client, and those that its documentation added later. */
const clientEvents = ['message_received', 'message_read', 'message_reaction'] as const;
export const messagingEvents = [...clientEvents, 'message_edited', 'message_deleted', 'message_delivered'] as const;
const sources: { source: string; events: readonly string[] }[] = [
  { source: 'account_status', events: [] },
  { source: 'messaging', events: messagingEvents },
];

interface Wanted {
  name: string;
  request_url: string;
  source: string;
  headers: { key: string; value: string }[];
  events?: readonly string[];
}

/** A list's item does not name its source, hence the name, which is ours. */
const listed = z.object({
  id: z.string().min(1),
  request_url: z.string(),
  name: z.string().nullish(),
  enabled: z.boolean().nullish(),
  format: z.string().nullish(),
  headers: z
    .array(z.object({ key: z.string(), value: z.string() }))
    .nullish()
    .catch(null),
  events: z.array(z.string()).nullish().catch(null),
  account_ids: z.array(z.unknown()).nullish().catch(null),
});
type Listed = z.infer<typeof listed>;

const made = z.object({ webhook_id: z.string().min(1) });

/**
 * Makes the registrations that `address` lacks, or all of them `anew`, and only then deletes outdated ones there: meanwhile
 * an event may come twice, but none is missed. Registrations at other addresses are not ours.
 */
export async function registerWebhooks(
  call: CredentialsCall,
  address: string,
  secret: string,
  anew = false,
): Promise<string[]> {
  const before = await registeredAt(call, address);
  const usable = anew ? [] : before;
  const ids: string[] = [];
  for (const { source, events } of sources) {
    const wanted: Wanted = {
      name: nameOf(source),
      request_url: address,
      source,
      headers: [
        { key: secretHeader.toLowerCase(), value: secret },
        // Without it UniPile sends JSON under a form's content type.
        { key: 'Content-Type', value: 'application/json' },
      ],
      ...(events.length > 0 ? { events } : {}),
    };
    ids.push(usable.find((one) => isAs(one, wanted))?.id ?? (await makeOrLess(call, wanted, usable)));
  }
  for (const { id } of before) if (!ids.includes(id)) await remove(call, id);
  const after = (await registeredAt(call, address)).filter(({ enabled }) => enabled !== false).map(({ id }) => id);
  if (!ids.every((id) => after.includes(id)))
    throw new ProviderFailure('provider_unavailable', 'UniPile does not list a webhook that it has registered.');
  return ids;
}

/** A UniPile that refuses the later events is asked for the others: without a registration nothing would come. */
async function makeOrLess(call: CredentialsCall, wanted: Wanted, before: readonly Listed[]): Promise<string> {
  try {
    return await make(call, wanted);
  } catch (error) {
    if (!wanted.events || !(error instanceof ProviderFailure && error.code === 'request_refused')) throw error;
    const less = { ...wanted, events: clientEvents };
    return before.find((one) => isAs(one, less))?.id ?? make(call, less);
  }
}

async function make(call: CredentialsCall, wanted: Wanted): Promise<string> {
  const answer = await request(call, 'POST', '/webhooks', { ...wanted, format: 'json', enabled: true });
  const { success, data } = made.safeParse(answer);
  if (!success) throw new ProviderFailure('provider_unavailable', 'UniPile answered a registration without its id.');
  return data.webhook_id;
}

/** Another process may have deleted it meanwhile. */
async function remove(call: CredentialsCall, id: string): Promise<void> {
  try {
    await request(call, 'DELETE', `/webhooks/${segment(id)}`);
  } catch (error) {
    if (!(error instanceof ProviderFailure && error.code === 'not_found')) throw error;
  }
}

const registeredAt = async (call: CredentialsCall, address: string): Promise<Listed[]> =>
  (await registrationsOf(call)).filter((one) => one.request_url === address);

async function registrationsOf(call: CredentialsCall): Promise<Listed[]> {
  const found: Listed[] = [];
  for await (const item of everyItem(call, '/webhooks')) {
    const { success, data } = listed.safeParse(item);
    if (success) found.push(data);
  }
  return found;
}

/**
 * GET /webhooks. A webhook is of all accounts. One at another address has our names where another address of Patchbay made
 * it.
 */
export async function webhookTargets(call: CredentialsCall, address: string): Promise<WebhookTargets> {
  const all = (await registrationsOf(call)).filter(({ enabled }) => enabled !== false);
  const ours = all.filter((one) => one.request_url === address);
  const named = all.find(({ name }) => sources.some(({ source }) => name === nameOf(source)));
  const missing = sources.flatMap(({ source, events }) => {
    const one = ours.find(({ name }) => name === nameOf(source));
    if (!one) return [source];
    return clientEvents.filter((event) => events.includes(event) && one.events && !one.events.includes(event));
  });
  const target = { address: ours.length ? address : (named?.request_url ?? null), missing: ours.length ? missing : [] };
  return () => target;
}

const nameOf = (source: string): string => `patchbay ${source}`;

function isAs(one: Listed, wanted: Wanted): boolean {
  const headers = new Map(one.headers?.map(({ key, value }) => [key.toLowerCase(), value]));
  return (
    one.name === wanted.name &&
    one.enabled === true &&
    one.format === 'json' &&
    !one.account_ids?.length &&
    wanted.headers.every(({ key, value }) => headers.get(key.toLowerCase()) === value) &&
    (wanted.events ?? []).every((event) => one.events?.includes(event))
  );
}
