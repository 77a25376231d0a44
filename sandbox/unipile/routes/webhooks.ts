import { z } from 'zod';
import { jsonBody } from '../../server/api.ts';
import { notFound } from '../errors.ts';
import { readPage, takeFirst } from '../paging.ts';
import { parseBody, route, type Route } from '../request.ts';
import { randomId, type State, type Webhook } from '../state.ts';

const webhookBody = z.object({
  request_url: z.httpUrl().or(z.url({ protocol: /^https?$/ })),
  source: z.enum(['messaging', 'account_status', 'email', 'email_tracking', 'users', 'calendar_event']),
  name: z.string().optional(),
  format: z.enum(['json', 'form']).default('json'),
  account_ids: z.array(z.string()).optional(),
  enabled: z.boolean().default(true),
  headers: z.array(z.object({ key: z.string().regex(/^[\w-]+$/), value: z.string() })).default([]),
  events: z.array(z.string()).optional(),
  data: z.array(z.object({ name: z.string(), key: z.string() })).default([]),
});

export function webhookRoutes(state: State): Route[] {
  return [
    route('POST /webhooks', { body: jsonBody }, (req, res) => {
      const body = parseBody(state, [webhookBody], req.body);
      const hook: Webhook = {
        id: randomId(),
        seq: state.nextSeq++,
        source: body.source,
        name: body.name,
        requestUrl: body.request_url,
        format: body.format,
        accountIds: body.account_ids ?? null,
        enabled: body.enabled,
        headers: body.headers,
        events: body.events ?? null,
        data: body.data,
      };
      state.webhooks.set(hook.id, hook);
      res.status(201).json({ object: 'WebhookCreated', webhook_id: hook.id });
    }),
    route('GET /webhooks', (req, res) => {
      const page = readPage(req, []);
      const after = page.last ? (state.webhooks.get(page.last.id)?.seq ?? 0) : 0;
      const rest = [...state.webhooks.values()].filter((hook) => hook.seq > after);
      const { items, cursor } = takeFirst(page, rest, ({ id }) => id);
      res.json({ object: 'WebhookList', items: items.map((hook) => webhookView(state, hook)), cursor });
    }),
    route('DELETE /webhooks/:id', (req, res) => {
      if (!state.webhooks.delete(req.params['id']!)) throw notFound('Webhook');
      res.json({ object: 'WebhookDeleted' });
    }),
  ];
}

function webhookView(state: State, hook: Webhook): object {
  const accounts = (hook.accountIds ?? []).flatMap((id) => state.accounts.get(id) ?? []);
  return {
    object: 'Webhook',
    id: hook.id,
    type: 'AUTO',
    source: hook.source,
    account_ids: accounts.map(({ id, type, identity }) => ({ id, name: identity?.name ?? '', type })),
    enabled: hook.enabled,
    ...(hook.name !== undefined && { name: hook.name }),
    request_url: hook.requestUrl,
    format: hook.format,
    headers: hook.headers,
    data: hook.data,
    ...(hook.source === 'messaging' && { events: hook.events ?? ['message_received'] }),
  };
}
