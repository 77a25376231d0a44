import { z } from 'zod';
import { jsonBody, type Route } from '../../server/api.ts';
import { notFound } from '../errors.ts';
import { readPage, writeCursor } from '../paging.ts';
import { parseBody } from '../request.ts';
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

/** Where events go. */
export function webhookRoutes(state: State): Route<void>[] {
  return [
    {
      method: 'post',
      path: '/webhooks',
      body: jsonBody,
      handle(req, res) {
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
      },
    },
    {
      method: 'get',
      path: '/webhooks',
      handle(req, res) {
        const page = readPage(req, []);
        const after = page.last ? (state.webhooks.get(page.last.id)?.seq ?? 0) : 0;
        const rest = [...state.webhooks.values()].filter((hook) => hook.seq > after);
        const shown = rest.slice(0, page.limit);
        const more = rest.length > shown.length;
        const items = shown.map((hook) => webhookView(state, hook));
        res.json({ object: 'WebhookList', items, cursor: more ? writeCursor(page, { id: shown.at(-1)!.id }) : null });
      },
    },
    {
      method: 'delete',
      path: '/webhooks/:id',
      handle(req, res) {
        if (!state.webhooks.delete(req.params['id']!)) throw notFound('Webhook');
        res.json({ object: 'WebhookDeleted' });
      },
    },
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
