import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { newId } from '../platform/ids.ts';
import type { Context } from '../services/context.ts';
import { openApiDocument } from './docs/openapi.ts';
import { serveDocs } from './docs/page.ts';
import { answerErrors, answerUnknown } from './http/errors.ts';
import type { Route } from './http/route.ts';
import { mountRoutes } from './http/mount-routes.ts';
import { accountHealthRoutes } from './routes/account-health.ts';
import { accountRoutes } from './routes/accounts.ts';
import { aliasRoutes } from './routes/aliases.ts';
import { auditRoutes } from './routes/audit.ts';
import { attendeeRoutes } from './routes/attendees.ts';
import { analyticsRoutes } from './routes/analytics.ts';
import { attachmentRoutes } from './routes/attachments.ts';
import { attemptRoutes } from './routes/attempts.ts';
import { bulkRoutes } from './routes/bulk-operations.ts';
import { exportRoutes } from './routes/exports.ts';
import { serveCodec, serveHealth } from './routes/health.ts';
import { changeMany } from './routes/contact-bulk.ts';
import { contactMergeRoutes } from './routes/contact-merges.ts';
import { contactStatsRoutes } from './routes/contact-stats.ts';
import { syncByNumber, syncConversationContacts } from './routes/contact-syncs.ts';
import { contactRoutes } from './routes/contacts.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { eventRoutes } from './routes/events.ts';
import { erasureRoutes } from './routes/erasures.ts';
import { messageActionRoutes } from './routes/message-actions.ts';
import { mediaRoutes } from './routes/media.ts';
import { messageSendRoutes } from './routes/message-sends.ts';
import { keyRoutes } from './routes/keys.ts';
import { messageRoutes } from './routes/messages.ts';
import { publicRoutes } from './routes/public-routes.ts';
import { providerRoutes } from './routes/providers.ts';
import { realtimeRoutes } from './routes/realtime.ts';
import { searchRoutes } from './routes/search.ts';
import { syncRoutes } from './routes/syncs.ts';
import { reminderRoutes } from './routes/reminders.ts';
import { tenantSendingRoutes } from './routes/tenant-sending.ts';
import { tenantRoutes } from './routes/tenant.ts';
import { timelineRoutes } from './routes/timeline.ts';
import { providerNames } from '../services/provider-names.ts';
import type { Providers } from '../providers/provider.ts';
import { webhookDeliveryRoutes } from './routes/webhook-deliveries.ts';
import { webhookEndpointRoutes } from './routes/webhook-endpoints.ts';
import { webhookEventRoutes } from './routes/webhook-events.ts';
import { serveLoginPages } from './callbacks/login-page.ts';
import { serveOAuthReturns } from './callbacks/oauth.ts';
import { serveUserRequests } from './callbacks/user-requests.ts';
import { serveQrImages } from './qr-images.ts';
import { serveWebhooks } from './webhooks.ts';
import type { MessageDrain } from '../services/webhooks/message-drain.ts';
import type { Signaller } from '../services/webhooks/signaller.ts';

const below = (prefix: string, routes: readonly Route[]): Route[] =>
  routes.map((route) => ({ ...route, path: prefix + route.path }));

/** Every route with an API key, at its full path. Documented paths first: some would else be taken for an id. */
const routesOf = (providers: Providers): Route[] => [
  ...aliasRoutes,
  ...below('/api/v1', [
    ...accountRoutes,
    ...attemptRoutes,
    ...timelineRoutes,
    ...accountHealthRoutes,
    ...syncRoutes,
    ...bulkRoutes,
    ...exportRoutes,
    // Words before ids: a word would else be taken for one.
    ...contactStatsRoutes,
    ...contactMergeRoutes,
    changeMany,
    syncByNumber,
    syncConversationContacts,
    ...contactRoutes,
    ...conversationRoutes,
    ...messageRoutes,
    ...attachmentRoutes,
    ...attendeeRoutes,
    ...searchRoutes,
    ...messageSendRoutes,
    ...mediaRoutes,
    ...messageActionRoutes,
    ...providerRoutes(providers),
    ...webhookEventRoutes,
    ...eventRoutes,
    ...webhookEndpointRoutes,
    ...webhookDeliveryRoutes,
    ...realtimeRoutes,
    ...erasureRoutes,
    ...tenantRoutes,
    ...tenantSendingRoutes,
    ...reminderRoutes,
    ...analyticsRoutes,
    ...keyRoutes,
    ...auditRoutes,
  ]),
];

/** The whole API as an Express application; tenants' requests share `connections` of the database. */
export function createApp(context: Context, signaller: Signaller, messages: MessageDrain): Express {
  const routes = routesOf(context.providers);
  const open = publicRoutes(context.providers);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', context.config.TRUSTED_PROXIES ?? false);
  app.use(
    helmet({ contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"], sandbox: [] } } }),
  );
  app.use(observe(context));
  serveHealth(app, context);
  serveCodec(app, context);
  serveWebhooks(app, context, signaller, messages);
  serveUserRequests(app, context, signaller);
  serveLoginPages(app, context);
  serveOAuthReturns(app, context);
  serveDocs(app, openApiDocument(context.publicUrl, routes, open, providerNames(context.providers)));
  serveQrImages(app, context);
  mountRoutes(app, context, routes);
  app.use(answerUnknown(methodsOf([...routes, ...open])));
  app.use(answerErrors(context));
  return app;
}

/** Gives each request its id, and counts and logs it at its end: names of ours only, never an address as it came. */
const observe =
  ({ log, metrics }: Context): RequestHandler =>
  (request, response, next) => {
    const started = performance.now();
    const requestId = newId();
    response.locals['requestId'] = requestId;
    response.set({ 'x-request-id': requestId, 'cache-control': 'no-store' });
    response.once('close', () => {
      const { method } = request;
      const {
        route = `${method} other`,
        tenant,
        code,
      } = response.locals as Partial<Record<'route' | 'tenant' | 'code', string>>;
      const ms = Math.round(performance.now() - started);
      metrics.requests.observe({ method, route, status: String(response.statusCode) }, ms / 1000);
      log.info({ request_id: requestId, route, tenant, status: response.statusCode, code, ms }, 'request');
    });
    next();
  };

/** The methods that some route has at a path. */
function methodsOf(routes: readonly Pick<Route, 'method' | 'path'>[]): (path: string) => string[] {
  const patterns = routes.map(({ method, path }) => ({
    method: method.toUpperCase(),
    pattern: new RegExp(`^${path.replace(/\/$/, '').replace(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
  }));
  return (path) => [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
}
