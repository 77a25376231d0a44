import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import express from 'express';
import { z } from 'zod';
import { createApp } from './api.ts';
import { ApiError } from './errors.ts';
import { faultRule } from './faults.ts';
import type { AccountRef, ActionName, ProviderSandbox } from './provider.ts';
import { resetShared, type Shared } from './shared.ts';
import { writerFields } from './writer.ts';

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

const ACTIONS: { method: 'post' | 'put' | 'patch'; path: string; name: ActionName }[] = [
  { method: 'post', path: '/scan', name: 'scan' },
  { method: 'post', path: '/approve', name: 'approve' },
  { method: 'post', path: '/drop', name: 'drop' },
  { method: 'post', path: '/messages', name: 'messages' },
  { method: 'post', path: '/receipts', name: 'receipts' },
  { method: 'post', path: '/reactions', name: 'reactions' },
  { method: 'post', path: '/groups', name: 'post_group' },
  { method: 'patch', path: '/groups', name: 'patch_group' },
  { method: 'patch', path: '/chats', name: 'patch_chat' },
  { method: 'post', path: '/webhooks', name: 'post_webhook' },
  { method: 'put', path: '/address-book', name: 'put_address_book' },
  { method: 'patch', path: '/address-book', name: 'patch_address_book' },
];

const accountRef = {
  account_id: z.string().min(1).optional(),
  session: z.union([z.string().min(1), z.number().transform(String)]).optional(),
};
/** It happens, and no webhook is sent. */
const silent = z.boolean().default(false);
const variantBody = z.strictObject({ provider: z.string(), name: z.string(), value: z.unknown() });
const writerQuery = z.strictObject({ ...accountRef, events: z.enum(['true', 'false']).optional() });
const clockBody = z.strictObject({ advance_seconds: z.number() });
const clockQuery = z.strictObject({ unless: z.coerce.number().optional() });
/** How long `GET /clock?unless=` waits for a move of the clock. */
const CLOCK_WAIT_MS = 20_000;

export function controlApp(shared: Shared, providers: ReadonlyMap<string, ProviderSandbox>): Express {
  const app = createApp();
  app.use(loopbackOnly);
  // A provider's webhook may be of 3 MB.
  app.use(express.json({ limit: '5mb', strict: true }));

  for (const { method, path, name } of ACTIONS) {
    app[method](path, (req, res) => {
      const { provider, account } = findAccount(parse(z.looseObject(accountRef), req.body), providers);
      const action = provider.actions[name];
      if (!action) throw new ApiError(400, `this provider has nothing for ${method.toUpperCase()} ${path}`);
      const body = parse(action.body.extend({ ...accountRef, silent }).strict(), req.body);
      const { account_id: _, session: __, silent: isSilent, ...fields } = body;
      const run = (): object => action.run(account, fields);
      res.json(isSilent ? shared.deliveries.capture(run).result : run());
    });
  }

  const providerNamed = (name: string): ProviderSandbox => {
    const found = providers.get(name);
    if (!found) throw new ApiError(400, `unknown provider "${name}"; known: ${[...providers.keys()].join(', ')}`);
    return found;
  };
  const variants = (): object =>
    Object.fromEntries([...providers].map(([name, provider]) => [name, provider.variants.values]));

  app.get('/conversations', (req, res) => {
    const { provider, account } = findAccount(parse(z.strictObject(accountRef), req.query), providers);
    res.json(provider.conversations(account));
  });
  app.post('/writer', (req, res) => {
    const { account_id, session, ...fields } = parse(writerFields.extend(accountRef).strict(), req.body);
    const { provider, account } = findAccount({ account_id, session }, providers);
    res.json(shared.writers.start(provider, account, fields));
  });
  app.get('/writer', (req, res) => {
    const { events, ...ref } = parse(writerQuery, req.query);
    const isNamed = ref.account_id !== undefined || ref.session !== undefined;
    res.json(shared.writers.show(isNamed ? findAccount(ref, providers).account : undefined, events === 'true'));
  });
  app.get('/variants', (_req, res) => void res.json(variants()));
  app.put('/variants', (req, res) => {
    const { provider, name, value } = parse(variantBody, req.body);
    providerNamed(provider).variants.set(name, value);
    res.json(variants());
  });
  app.get('/faults', (_req, res) => void res.json(shared.faults.list()));
  app.put('/faults', (req, res) => {
    const rule = parse(faultRule, req.body);
    const { errorsHaveCodes } = providerNamed(rule.provider);
    if (rule.rate_error && !(rule.error && errorsHaveCodes)) {
      throw new ApiError(400, 'rate_error needs error, and a provider whose errors have codes');
    }
    shared.faults.set(rule);
    res.json(shared.faults.list());
  });

  const clock = (): object => ({ now: shared.clock.iso(), offset_seconds: shared.clock.offsetSeconds() });
  app.get('/clock', async (req, res) => {
    const { unless } = parse(clockQuery, req.query);
    if (unless !== undefined) {
      const closed = new AbortController();
      res.once('close', () => closed.abort());
      await shared.clock.otherThan(unless, AbortSignal.any([closed.signal, AbortSignal.timeout(CLOCK_WAIT_MS)]));
    }
    res.json(clock());
  });
  app.post('/clock', async (req, res) => {
    shared.clock.advance(parse(clockBody, req.body).advance_seconds);
    // Waiting `GET /clock?unless=` calls are answered before this one.
    await new Promise((resolve) => setImmediate(resolve));
    res.json(clock());
  });
  app.get('/calls', (_req, res) => void res.json(shared.calls.list()));
  app.delete('/calls', (_req, res) => {
    shared.calls.reset();
    res.json([]);
  });
  app.get('/deliveries', (_req, res) => void res.json(shared.deliveries.list()));
  app.post('/reset', (_req, res) => {
    resetShared(shared);
    for (const provider of providers.values()) {
      provider.reset();
      provider.variants.reset();
    }
    res.json({ reset: true });
  });

  app.use((req) => {
    throw new ApiError(404, `no control route ${req.method} ${req.path}; see the sandbox's README`);
  });
  app.use(answerError);
  return app;
}

/** A web page reaches loopback too: by DNS rebinding, seen in the Host header, or by a plain form, seen in Origin. */
const loopbackOnly: RequestHandler = (req, _res, next) => {
  const host = (req.headers.host ?? '').replace(/:\d+$/, '');
  if (!LOOPBACK_HOSTS.has(host)) throw new ApiError(403, `Host "${host}" is not a loopback name`);
  const { origin } = req.headers;
  if (origin !== undefined && !LOOPBACK_HOSTS.has(URL.parse(origin)?.hostname ?? '')) {
    throw new ApiError(403, `control is not for pages from ${origin}`);
  }
  next();
};

function findAccount(
  ref: AccountRef,
  providers: ReadonlyMap<string, ProviderSandbox>,
): { provider: ProviderSandbox; account: unknown } {
  if (ref.account_id === undefined && ref.session === undefined) {
    throw new ApiError(400, 'account_id or session is required: the id that the provider gave');
  }
  for (const provider of providers.values()) {
    const account = provider.findAccount(ref);
    if (account !== undefined) return { provider, account };
  }
  throw new ApiError(404, `no account "${ref.account_id ?? ref.session}" at any provider`);
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const allowed = schema instanceof z.ZodObject ? `; fields: ${Object.keys(schema.shape).join(', ')}` : '';
  throw new ApiError(400, z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ') + allowed);
}

// Express recognises an error handler by its four parameters.
const answerError: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) => {
  res.status(error.status ?? 500).json({ error: error.message });
};
