import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { z } from 'zod';
import { faultRule } from './faults.ts';
import { type AccountRef, type ActionName, ControlError, type ProviderSandbox } from './provider.ts';
import { resetShared, type Shared } from './shared.ts';

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Control routes that are a provider's own action. */
const ACTIONS: { method: 'post' | 'put' | 'patch'; path: string; name: ActionName }[] = [
  { method: 'post', path: '/scan', name: 'scan' },
  { method: 'post', path: '/approve', name: 'approve' },
  { method: 'post', path: '/drop', name: 'drop' },
  { method: 'post', path: '/messages', name: 'messages' },
  { method: 'post', path: '/receipts', name: 'receipts' },
  { method: 'post', path: '/reactions', name: 'reactions' },
  { method: 'put', path: '/address-book', name: 'put_address_book' },
  { method: 'patch', path: '/address-book', name: 'patch_address_book' },
];

const accountRef = {
  account_id: z.string().min(1).optional(),
  session: z.union([z.string().min(1), z.number().transform(String)]).optional(),
};
const variantBody = z.strictObject({ provider: z.string(), name: z.string(), value: z.unknown() });
const clockBody = z.strictObject({ advance_seconds: z.number().min(0) });
const clockQuery = z.strictObject({ unless: z.coerce.number().optional() });
/** How long a question for the clock waits for it to be moved, in milliseconds. */
const CLOCK_WAIT = 20_000;

/** The API that makes things happen in the world: no key, loopback only. */
export function controlApp(shared: Shared, providers: ProviderSandbox[]): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(loopbackOnly);
  app.use(express.json({ limit: '1mb', strict: true }));

  for (const { method, path, name } of ACTIONS) {
    app[method](path, (req, res) => {
      const ref = parse(z.looseObject(accountRef), req.body) satisfies AccountRef;
      const action = ownerOf(ref, providers).actions[name];
      if (!action) throw new ControlError(400, `this provider has nothing for ${method.toUpperCase()} ${path}`);
      const { account_id: _, session: __, ...fields } = parse(action.body.extend(accountRef).strict(), req.body);
      res.json(action.run(ref, fields));
    });
  }

  const provider = (name: string): ProviderSandbox => {
    const found = providers.find((one) => one.name === name);
    if (!found)
      throw new ControlError(400, `unknown provider "${name}"; known: ${providers.map((p) => p.name).join(', ')}`);
    return found;
  };
  const variants = (): object => Object.fromEntries(providers.map((one) => [one.name, one.variants.values]));

  app.get('/variants', (_req, res) => void res.json(variants()));
  app.put('/variants', (req, res) => {
    const { provider: name, name: variant, value } = parse(variantBody, req.body);
    const target = provider(name);
    try {
      target.variants.set(variant, value);
    } catch (error) {
      throw new ControlError(400, (error as Error).message);
    }
    res.json(variants());
  });
  app.get('/faults', (_req, res) => void res.json(shared.faults.list()));
  app.put('/faults', (req, res) => {
    const rule = parse(faultRule, req.body);
    provider(rule.provider);
    shared.faults.set(rule);
    res.json(shared.faults.list());
  });

  const clock = (): object => ({ now: shared.clock.iso(), offset_seconds: shared.clock.offsetSeconds() });
  app.get('/clock', async (req, res) => {
    const { unless } = parse(clockQuery, req.query);
    if (unless !== undefined) {
      const gone = new AbortController();
      res.once('close', () => gone.abort());
      await shared.clock.otherThan(unless, AbortSignal.any([gone.signal, AbortSignal.timeout(CLOCK_WAIT)]));
    }
    res.json(clock());
  });
  app.post('/clock', async (req, res) => {
    shared.clock.advance(parse(clockBody, req.body).advance_seconds);
    // Those that wait for the clock hear of it before the one that moved it goes on.
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
    for (const one of providers) {
      one.reset();
      one.variants.reset();
    }
    res.json({ reset: true });
  });

  app.use((req) => {
    throw new ControlError(404, `no control route ${req.method} ${req.path}; see the sandbox's README`);
  });
  app.use(answerError);
  return app;
}

/**
 * A web page can reach loopback too: under a name of its own (DNS rebinding), which the Host header tells, or by a plain
 * form or fetch, which the Origin header tells.
 */
const loopbackOnly: RequestHandler = (req, _res, next) => {
  const host = (req.headers.host ?? '').replace(/:\d+$/, '');
  if (!LOOPBACK_HOSTS.has(host)) throw new ControlError(403, `Host "${host}" is not a loopback name`);
  const { origin } = req.headers;
  if (origin !== undefined && !LOOPBACK_HOSTS.has(URL.parse(origin)?.hostname ?? '')) {
    throw new ControlError(403, `control is not for pages from ${origin}`);
  }
  next();
};

function ownerOf(ref: AccountRef, providers: ProviderSandbox[]): ProviderSandbox {
  if (ref.account_id === undefined && ref.session === undefined) {
    throw new ControlError(400, 'account_id or session is required: the id that the provider gave');
  }
  const owner = providers.find((one) => one.owns(ref));
  if (!owner) throw new ControlError(404, `no account "${ref.account_id ?? ref.session}" at any provider`);
  return owner;
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const allowed = schema instanceof z.ZodObject ? `; fields: ${Object.keys(schema.shape).join(', ')}` : '';
  throw new ControlError(400, z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ') + allowed);
}

// Express tells an error handler by its four parameters.
const answerError: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) => {
  res.status(error.status ?? 500).json({ error: error.message });
};
