import { createServer, type Server } from 'node:http';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Labels are names of ours (routes, providers, codes), never a tenant's content. */
export interface Metrics {
  registry: Registry;
  requests: Histogram<'method' | 'route' | 'status'>;
  providerCalls: Counter<'provider' | 'verb' | 'outcome'>;
  webhookEvents: Counter<'provider' | 'type' | 'state'>;
  missedWebhooks: Counter<'provider' | 'cause'>;
  attempts: Counter<'operation' | 'outcome'>;
  syncs: Counter<'kind' | 'outcome'>;
  /** Bulk operations that ended, and accounts that had their turn in one. */
  bulkOperations: Counter<'operation' | 'outcome'>;
  bulkItems: Counter<'operation' | 'outcome'>;
  openBulkOperations: Gauge;
  overdueBulkOperations: Gauge;
  repairs: Counter<'repair' | 'outcome'>;
  /** Tries of deliveries to webhook endpoints. */
  deliveries: Counter<'outcome'>;
  /** Seconds from an event to its delivery at the first try. */
  deliveryLag: Histogram;
  pausedEndpoints: Gauge;
  undeliveredSeconds: Gauge;
  /** Entries of the audit log that could not be stored. */
  auditFailures: Counter;
  reconciling: Gauge;
  listening: Gauge;
  maintenance: Counter<'part' | 'outcome'>;
  accounts: Gauge<'state' | 'who'>;
  troubleSeconds: Gauge<'who'>;
  overdueAttempts: Gauge;
  refusedKeys: Gauge;
  runningSyncs: Gauge<'kind'>;
  overdueContacts: Gauge;
  /** Renewals of accounts' tokens. */
  tokenRenewals: Counter<'provider' | 'outcome'>;
  overdueTokens: Gauge;
  /** Visits of accounts by the sweep of platforms. */
  visits: Counter<'provider' | 'outcome'>;
  /** Accounts that are due for a visit, and that are overdue. */
  dueVisits: Gauge<'state'>;
  /** Accounts of which a visit found something that is not right. */
  visitFindings: Gauge<'finding'>;
  reminders: Counter<'outcome'>;
  overdueReminders: Gauge;
  /** Why messages wait. */
  heldQueues: Gauge<'reason'>;
  stoppedTenants: Gauge<'reason'>;
  /** Logins and restarts that were refused because of their limits. */
  refusedLogins: Counter<'kind'>;
  /** Accounts whose days were counted. */
  analyticsAccounts: Counter<'outcome'>;
  analyticsLag: Gauge;
  feedReaders: Gauge<'kind'>;
  feedReadersDropped: Counter<'kind' | 'reason'>;
  feedLag: Histogram;
  /** Shows at each scrape what `read` says of the database's pools, in connections and waiting callers. */
  watchDatabase(read: () => Readonly<Record<string, Readonly<Record<string, number>>>>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Histogram({
      name: 'patchbay_http_request_seconds',
      help: 'API requests by route.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    providerCalls: new Counter({
      name: 'patchbay_provider_calls_total',
      help: 'Calls to providers by verb and outcome.',
      labelNames: ['provider', 'verb', 'outcome'],
      registers,
    }),
    webhookEvents: new Counter({
      name: 'patchbay_webhook_events_total',
      help: 'Webhook events taken in.',
      labelNames: ['provider', 'type', 'state'],
      registers,
    }),
    missedWebhooks: new Counter({
      name: 'patchbay_missed_webhooks_total',
      help: 'Messages that no webhook brought, found by a sync: missed, or sent while Patchbay was down.',
      labelNames: ['provider', 'cause'],
      registers,
    }),
    attempts: new Counter({
      name: 'patchbay_attempts_total',
      help: 'Connection attempts that ended, by outcome.',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    syncs: new Counter({
      name: 'patchbay_syncs_total',
      help: 'Sync runs that ended, by kind and outcome.',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    bulkOperations: new Counter({
      name: 'patchbay_bulk_operations_total',
      help: 'Bulk operations that were done or cancelled.',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    bulkItems: new Counter({
      name: 'patchbay_bulk_items_total',
      help: 'Accounts that had their turn in a bulk operation: asked, done, failed or skipped.',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    openBulkOperations: new Gauge({
      name: 'patchbay_bulk_operations_open',
      help: 'Bulk operations that prepare or run; from the worker that reconciles.',
      registers,
    }),
    overdueBulkOperations: new Gauge({
      name: 'patchbay_bulk_operations_overdue',
      help: 'Open bulk operations whose workflow has said nothing for ten minutes; from the worker that reconciles.',
      registers,
    }),
    repairs: new Counter({
      name: 'patchbay_repairs_total',
      help: 'Stalled work that the reconciler moved, or could not move.',
      labelNames: ['repair', 'outcome'],
      registers,
    }),
    deliveries: new Counter({
      name: 'patchbay_deliveries_total',
      help: 'Tries of deliveries to webhook endpoints: delivered, failed, and dead where it was the last one.',
      labelNames: ['outcome'],
      registers,
    }),
    deliveryLag: new Histogram({
      name: 'patchbay_delivery_lag_seconds',
      help: 'From an event to its delivery, where the first try delivered it.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
      registers,
    }),
    pausedEndpoints: new Gauge({
      name: 'patchbay_endpoints_paused',
      help: 'Webhook endpoints at which deliveries failed in a row; from the worker that reconciles.',
      registers,
    }),
    undeliveredSeconds: new Gauge({
      name: 'patchbay_undelivered_seconds',
      help: 'Age of the oldest event that an endpoint that is not paused has not taken; from the worker that reconciles.',
      registers,
    }),
    auditFailures: new Counter({
      name: 'patchbay_audit_failures_total',
      help: 'Entries of the audit log that could not be stored.',
      registers,
    }),
    reconciling: new Gauge({
      name: 'patchbay_reconciling',
      help: '1 in the worker that reconciles, 0 in the others.',
      registers,
    }),
    listening: new Gauge({
      name: 'patchbay_listening',
      help: '1 in an API process that hears of changes in PostgreSQL; at 0 its long polls look for them.',
      registers,
    }),
    accounts: new Gauge({
      name: 'patchbay_accounts',
      help: 'Accounts by state and by who must act; from the worker that reconciles.',
      labelNames: ['state', 'who'],
      registers,
    }),
    troubleSeconds: new Gauge({
      name: 'patchbay_trouble_seconds',
      help: 'Since when the account is in trouble that is so for longest, by who must act; from the worker that reconciles.',
      labelNames: ['who'],
      registers,
    }),
    overdueAttempts: new Gauge({
      name: 'patchbay_attempts_overdue',
      help: 'Attempts that run although their deadline has passed; from the worker that reconciles.',
      registers,
    }),
    refusedKeys: new Gauge({
      name: 'patchbay_refused_keys',
      help: 'Credentials whose key the provider refuses; from the worker that reconciles.',
      registers,
    }),
    runningSyncs: new Gauge({
      name: 'patchbay_syncs_running',
      help: 'Syncs that run, by kind; from the worker that reconciles.',
      labelNames: ['kind'],
      registers,
    }),
    overdueContacts: new Gauge({
      name: 'patchbay_contacts_overdue',
      help: 'Accounts whose contacts are due for more than an hour; from the worker that reconciles.',
      registers,
    }),
    tokenRenewals: new Counter({
      name: 'patchbay_token_renewals_total',
      help: 'Renewals of tokens of accounts, by outcome.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    overdueTokens: new Gauge({
      name: 'patchbay_tokens_overdue',
      help: 'Accounts whose token was to be looked after more than two hours ago; from the worker that reconciles.',
      registers,
    }),
    visits: new Counter({
      name: 'patchbay_visits_total',
      help: 'Visits of accounts by the sweep of platforms, by outcome: ok or the code of a failure.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    dueVisits: new Gauge({
      name: 'patchbay_visits_due',
      help: 'Accounts that wait for a visit: due, and overdue for more than a quarter of an hour; from the worker that reconciles.',
      labelNames: ['state'],
      registers,
    }),
    visitFindings: new Gauge({
      name: 'patchbay_visit_findings',
      help: 'Accounts by what their last visit found: details_faulty, webhook_wrong, silent; from the worker that reconciles.',
      labelNames: ['finding'],
      registers,
    }),
    reminders: new Counter({
      name: 'patchbay_reminders_total',
      help: 'Reminders of owners of accounts, and those that were given up.',
      labelNames: ['outcome'],
      registers,
    }),
    overdueReminders: new Gauge({
      name: 'patchbay_reminders_overdue',
      help: 'Accounts whose reminders were to be looked at more than two hours ago; from the worker that reconciles.',
      registers,
    }),
    heldQueues: new Gauge({
      name: 'patchbay_send_queues_held',
      help: 'Accounts whose messages wait, by reason; from the worker that reconciles.',
      labelNames: ['reason'],
      registers,
    }),
    stoppedTenants: new Gauge({
      name: 'patchbay_sending_stopped',
      help: 'Tenants that send nothing, by reason; from the worker that reconciles.',
      labelNames: ['reason'],
      registers,
    }),
    refusedLogins: new Counter({
      name: 'patchbay_logins_refused_total',
      help: 'Logins and restarts that the limits of their account refused.',
      labelNames: ['kind'],
      registers,
    }),
    analyticsAccounts: new Counter({
      name: 'patchbay_analytics_accounts_total',
      help: 'Accounts whose changed days were counted for analytics, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    analyticsLag: new Gauge({
      name: 'patchbay_analytics_lag_seconds',
      help: 'Age of the oldest change that analytics do not count yet; from the worker that reconciles.',
      registers,
    }),
    maintenance: new Counter({
      name: 'patchbay_maintenance_total',
      help: 'Parts of the maintenance that were done or failed.',
      labelNames: ['part', 'outcome'],
      registers,
    }),
    feedReaders: new Gauge({
      name: 'patchbay_feed_readers',
      help: 'Open sockets and streams of events.',
      labelNames: ['kind'],
      registers,
    }),
    feedReadersDropped: new Counter({
      name: 'patchbay_feed_readers_dropped_total',
      help: 'Sockets and streams of events that this process closed, by reason.',
      labelNames: ['kind', 'reason'],
      registers,
    }),
    feedLag: new Histogram({
      name: 'patchbay_feed_lag_seconds',
      help: 'Time from an event to when it is handed to the readers of this process.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    watchDatabase: (read) => {
      registry.registerMetric(
        new Gauge({
          name: 'patchbay_database_connections',
          help: 'Connections to PostgreSQL by pool: busy, idle, and callers waiting for one.',
          labelNames: ['pool', 'state'],
          registers: [],
          collect() {
            for (const [pool, states] of Object.entries(read()))
              for (const [state, count] of Object.entries(states)) this.set({ pool, state }, count);
          },
        }),
      );
    },
  };
}

/** `more` adds another exporter's text; when that fails, the answer is 500. */
export function serveMetrics(
  metrics: Metrics,
  port: number,
  host: string,
  more?: () => Promise<string>,
): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    Promise.all([metrics.registry.metrics(), more?.() ?? '']).then(
      ([ours, theirs]) =>
        response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(`${ours}\n${theirs}`),
      () => response.writeHead(500).end(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}
