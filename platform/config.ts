import { z } from 'zod';
import { readNetworks } from '../domain/public-address.ts';
import { isCount, type ProviderSettingTable } from '../domain/provider-settings.ts';

/** A wrong or missing setting; its message is one line that names the remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const port = z.coerce.number().int().min(0).max(65_535);
const url = z.url({ protocol: /^https?$/ });

const workerRoles = ['workflows', 'activities', 'backfill'] as const;

/** Names that Express has for networks. */
const proxyNetworks: ReadonlySet<string> = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** By environment name. Empty or blank counts as not set. */
const schema = z.object({
  NODE_ENV: z.string().optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// address' }),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_TLS: z.stringbool().default(false),
  /** PEM files: the server's CA, where it is not a public one, and this process's certificate with its key. */
  TEMPORAL_TLS_CA: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  /** The name in the server's certificate, where it is not that of the address. */
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
  /** Both set: the worker takes part in Worker Deployments (Temporal's worker versioning). */
  WORKER_DEPLOYMENT_NAME: z.string().optional(),
  WORKER_BUILD_ID: z.string().optional(),
  /** A file that `node workers/bundle.ts FILE` made of the same version: the worker starts sooner. */
  WORKFLOW_BUNDLE: z.string().optional(),
  TEMPORAL_UI_URL: url.optional(),
  TEMPORAL_TASK_QUEUE: z.string().default('patchbay'),
  WORKER_ROLES: z
    .string()
    .default(workerRoles.join(','))
    .transform((list) => list.split(',').map((role) => role.trim()))
    .pipe(z.array(z.enum(workerRoles, { error: `must be some of ${workerRoles.join(', ')}, comma separated` }))),
  ENCRYPTION_KEY: z.string().min(1, 'must be 32 random bytes in base64'),
  ENCRYPTION_KEYS: z.string().default(''),
  PUBLIC_URL: url.default('http://127.0.0.1:3900'),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(3900),
  METRICS_PORT: port.optional(),
  /** In a container it must be more than loopback. */
  METRICS_HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  WASENDER_SYNC_INTERVAL_HOURS: z.coerce.number().min(0.01).max(8_760).default(6),
  WASENDER_AUTO_SYNC_ENABLED: z.stringbool().default(true),
  PLATFORM_SYNC_ENABLED: z.stringbool().default(true),
  /** How soon the death of a worker in a contacts sync is noticed. */
  SYNC_HEARTBEAT_SECONDS: z.coerce.number().min(2).default(75),
  /** An account is degraded by its webhooks once so many sweeps within a day found so many missed messages, a share of all. */
  MISSED_WEBHOOKS_SWEEPS: z.coerce.number().int().min(1).default(2),
  MISSED_WEBHOOKS_MESSAGES: z.coerce.number().int().min(1).default(5),
  MISSED_WEBHOOKS_PERCENT: z.coerce.number().min(0).max(100).default(10),
  /** How long a provider may take to answer a call that sends; no longer than `longestCallMs`. */
  SEND_TIMEOUT_SECONDS: z.coerce.number().min(1).max(60).default(60),
  SANDBOX_CONTROL_URL: url.optional(),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(1200),
  /** Requests of one key at the same time, and those of them that wait for something; a tenant has twice as many. */
  REQUESTS_AT_ONCE_PER_KEY: z.coerce.number().int().min(1).default(100),
  WAITS_AT_ONCE_PER_KEY: z.coerce.number().int().min(1).default(200),
  /** Sockets and streams of events of one key at the same time; a tenant has twice as many. */
  SOCKETS_AT_ONCE_PER_KEY: z.coerce.number().int().min(1).default(1_000),
  /** How often a quiet socket or stream is used, so that both sides and proxies see that it works. */
  SOCKET_HEARTBEAT_SECONDS: z.coerce.number().min(0.1).max(300).default(25),
  /** How long a socket or stream may take none of its bytes. */
  SOCKET_PATIENCE_SECONDS: z.coerce.number().min(0.1).max(300).default(15),
  MAX_CONNECTIONS: z.coerce.number().int().min(10).default(4_000),
  /** How long an idle connection is kept: longer than a usual proxy keeps its own. */
  KEEP_ALIVE_SECONDS: z.coerce.number().min(1).max(3_600).default(65),
  RECONCILE_INTERVAL_SECONDS: z.coerce.number().min(0.1).default(15),
  /** How long raw data of providers and outcomes of syncs are kept. */
  RAW_RETENTION_DAYS: z.coerce.number().min(1).default(30),
  /** How long the feed of events is kept. */
  EVENT_RETENTION_DAYS: z.coerce.number().min(1).default(7),
  /** How long deliveries to webhook endpoints are kept: longer than they are tried. */
  DELIVERY_RETENTION_DAYS: z.coerce.number().min(4).default(7),
  /** How long the audit log is kept: at least 30 days. */
  AUDIT_RETENTION_DAYS: z.coerce.number().min(30).default(365),
  /** Networks of the proxies before the API, whose word on a client's address counts. */
  TRUSTED_PROXIES: z
    .string()
    .transform((list) => list.split(',').map((one) => one.trim()))
    .refine(
      (list) => list.every((one) => proxyNetworks.has(one) || readNetworks(one) !== null),
      'must be networks such as 10.1.0.0/16, or loopback, linklocal, uniquelocal, comma separated',
    )
    .optional(),
  /** Networks inside to which events may be delivered. Without it: this machine, and in production none. */
  WEBHOOK_ALLOWED_NETWORKS: z
    .string()
    .refine((list) => readNetworks(list) !== null, 'must be networks such as 10.1.0.0/16, comma separated')
    .optional(),
  /** The ledger of erased people, in a file apart from the database and its dumps. */
  ERASURE_LEDGER: z.string().optional(),
  /** Holds the bytes of media, and every process of the installation needs the same one; with a bucket, only copies of files that are being sent. */
  MEDIA_FOLDER: z.string().default('.patchbay/media'),
  /** The bucket of an S3 service that holds the bytes of media. */
  MEDIA_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional(),
  /** Of an S3 service other than Amazon's. */
  MEDIA_S3_ENDPOINT: url.optional(),
  MEDIA_S3_REGION: z.string().default('us-east-1'),
  /** Neither: the AWS SDK looks for credentials, as for the role of the machine. */
  MEDIA_S3_ACCESS_KEY_ID: z.string().optional(),
  MEDIA_S3_SECRET_ACCESS_KEY: z.string().optional(),
  /** The bucket is in the path of an address, not in its host. */
  MEDIA_S3_PATH_STYLE: z.stringbool().default(false),
  /** A larger file of a message is not fetched. */
  MEDIA_MAX_BYTES: z.coerce.number().int().min(1_000).max(100_000_000).default(100_000_000),
  /** What the files of a tenant may take together before a caller can bring another one. Files that arrive are always kept. */
  MEDIA_QUOTA_BYTES: z.coerce.number().int().min(1).optional(),
  SHUTDOWN_GRACE_SECONDS: z.coerce.number().min(0).default(10),
});

/** Environment names, without the providers' settings. */
export const settingNames: readonly string[] = Object.keys(schema.shape);

export type Config = z.infer<typeof schema> & {
  /** By provider, then by setting; for tenants without their own. */
  providers: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** `providers` declares their settings. Throws `ConfigError` with one line that names each wrong value. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  providers: Readonly<Record<string, ProviderSettingTable>>,
): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ''));
  const parsed = schema.safeParse(given);
  const declared = Object.values(providers).flatMap((table) => Object.values(table));
  const ofProviders = z
    .object(Object.fromEntries(declared.map(({ env, kind }) => [env, kinds[kind].optional()])))
    .safeParse(given);
  if (!parsed.success || !ofProviders.success) {
    const issues = [...(parsed.error?.issues ?? []), ...(ofProviders.error?.issues ?? [])];
    const wrong = issues.map((issue) => {
      const name = issue.path.join('.');
      return `${name} ${given[name] === undefined ? 'is not set' : `is wrong: ${issue.message}`}`;
    });
    throw new ConfigError(`${wrong.join('; ')}. See "Settings" in docs/reference.md.`);
  }
  const config = parsed.data;
  for (const [one, two] of pairs)
    if ((config[one] === undefined) !== (config[two] === undefined))
      throw new ConfigError(`${one} and ${two} belong together: set both or neither.`);
  if (config.MEDIA_S3_BUCKET === undefined && (config.MEDIA_S3_ENDPOINT ?? config.MEDIA_S3_ACCESS_KEY_ID) !== undefined)
    throw new ConfigError('MEDIA_S3_BUCKET is not set, and other settings of S3 are: set it, or none of them.');
  if (config.NODE_ENV === 'production' && config.SANDBOX_CONTROL_URL)
    throw new ConfigError('SANDBOX_CONTROL_URL is set with NODE_ENV=production: the sandbox never serves production.');
  const configured = Object.entries(providers).flatMap(([name, table]) => {
    const settings = settingsFrom(table, ofProviders.data);
    return settings ? [[name, settings] as const] : [];
  });
  return { ...config, providers: Object.fromEntries(configured) };
}

const pairs = [
  ['TEMPORAL_TLS_CERT', 'TEMPORAL_TLS_KEY'],
  ['WORKER_DEPLOYMENT_NAME', 'WORKER_BUILD_ID'],
  ['MEDIA_S3_ACCESS_KEY_ID', 'MEDIA_S3_SECRET_ACCESS_KEY'],
] as const;

const count = z.string().refine(isCount, 'must be a whole number from 1 to 9999999');
const kinds = { text: z.string(), host: z.string(), url, count };

// Null where none of the required settings is set.
function settingsFrom(
  table: ProviderSettingTable,
  values: Readonly<Record<string, string | undefined>>,
): Record<string, string> | null {
  const required = Object.values(table).filter((one) => one.required);
  const missing = required.filter(({ env }) => values[env] === undefined);
  if (missing.length === required.length) return null;
  if (missing.length > 0) {
    const names = required.map(({ env }) => env).join(' and ');
    throw new ConfigError(
      `${names} belong together: set ${required.length === 2 ? 'both or neither' : 'all or none'}.`,
    );
  }
  const set = Object.entries(table).flatMap(([name, { env }]) => {
    const value = values[env];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
}

export const contactsEveryMs = (config: Pick<Config, 'WASENDER_SYNC_INTERVAL_HOURS'>): number =>
  config.WASENDER_SYNC_INTERVAL_HOURS * 3_600_000;
