import { ConfigError } from '../../platform/config.ts';
import { providers } from '../../providers/providers.ts';
import { loadConfig } from '../../services/boot.ts';
import { testKey } from '../support/key.ts';

const needed = { DATABASE_URL: 'postgres://user:hunter2@127.0.0.1/patchbay', ENCRYPTION_KEY: testKey };

/** The error message of `loadConfig`, which must be one line. */
function errorMessage(settings: Record<string, string | undefined>): string {
  try {
    loadConfig({ ...needed, ...settings });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).toMatch(/^[^\n]+\.$/);
    return error.message;
  }
  throw new Error('it was accepted');
}

it('needs a database and a key, and has a default for everything else', () => {
  expect(loadConfig(needed)).toMatchObject({
    ...needed,
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    HOST: '127.0.0.1',
    PORT: 3900,
    LOG_LEVEL: 'info',
  });
});

it.each([
  ['DATABASE_URL', undefined],
  ['DATABASE_URL', 'mysql://127.0.0.1/patchbay'],
  ['DATABASE_URL', 'patchbay'],
  ['ENCRYPTION_KEY', undefined],
  ['TEMPORAL_TLS', 'perhaps'],
  ['TEMPORAL_UI_URL', 'localhost'],
  ['PUBLIC_URL', 'ftp://example.test'],
  ['PORT', 'eighty'],
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '1.5'],
  ['METRICS_PORT', 'yes'],
  ['LOG_LEVEL', 'loud'],
  ['SANDBOX_CONTROL_URL', 'not an address'],
  ['RATE_LIMIT_PER_MINUTE', '0'],
  ['RECONCILE_INTERVAL_SECONDS', '0'],
  ['RECONCILE_INTERVAL_SECONDS', 'Infinity'],
  ['SHUTDOWN_GRACE_SECONDS', '-1'],
  ['MEDIA_S3_BUCKET', 'A bucket/of mine'],
  ['MEDIA_S3_ENDPOINT', 's3.example.test'],
])('refuses a wrong %s (%s) by its name, in one line', (name, value) => {
  const message = errorMessage({ [name]: value });
  expect(message).toMatch(value === undefined ? `${name} is not set` : `${name} is wrong`);
  expect(message).toContain('docs/reference.md');
});

it('names all wrong settings at once', () => {
  const message = errorMessage({ PORT: 'eighty', LOG_LEVEL: 'loud', ENCRYPTION_KEY: undefined });
  for (const name of ['PORT', 'LOG_LEVEL', 'ENCRYPTION_KEY']) expect(message).toContain(name);
});

it('never quotes a value: it may be a secret in the wrong place', () => {
  const ofProviders = Object.values(providers).flatMap(({ settings }) => Object.values(settings).map(({ env }) => env));
  for (const name of [...Object.keys(loadConfig(needed)), ...ofProviders])
    for (const value of ['swordfish', 'mysql://user:swordfish@127.0.0.1/patchbay']) {
      let thrown = '';
      try {
        loadConfig({ ...needed, [name]: value });
      } catch (error) {
        thrown = String(error);
      }
      expect(thrown).not.toContain('swordfish');
    }
});

it.each(['', '   '])('takes a setting of "%s" as not set', (blank) => {
  expect(loadConfig({ ...needed, PORT: blank, METRICS_PORT: blank })).toMatchObject({ PORT: 3900 });
  expect(loadConfig({ ...needed, METRICS_PORT: blank }).METRICS_PORT).toBeUndefined();
  expect(errorMessage({ ENCRYPTION_KEY: blank })).toMatch('ENCRYPTION_KEY is not set');
});

it('ignores other variables of the environment', () =>
  expect(loadConfig({ ...needed, HOME: '/root', PATH: '/bin' })).not.toHaveProperty('HOME'));

describe('in production', () => {
  const production = { NODE_ENV: 'production' };

  it('is refused without ENCRYPTION_KEY', () =>
    expect(errorMessage({ ...production, ENCRYPTION_KEY: undefined })).toMatch('ENCRYPTION_KEY is not set'));

  it('is refused with a sandbox', () =>
    expect(errorMessage({ ...production, SANDBOX_CONTROL_URL: 'http://127.0.0.1:3910' })).toMatch(
      /SANDBOX_CONTROL_URL.*production/,
    ));

  it('is accepted without one', () => expect(loadConfig({ ...needed, ...production }).NODE_ENV).toBe('production'));
});

describe('a provider in the environment', () => {
  const both = { UNIPILE_DSN: 'https://api1.unipile.test:13111', UNIPILE_ACCESS_TOKEN: 'token' };

  it.each(Object.keys(both))('is refused with %s alone', (name) => {
    const message = errorMessage({ [name]: both[name as keyof typeof both] });
    for (const each of Object.keys(both)) expect(message).toContain(each);
  });

  it('serves tenants without credentials of their own', () => {
    expect(loadConfig({ ...needed, ...both }).providers).toEqual({
      unipile: { dsn: both.UNIPILE_DSN, access_token: both.UNIPILE_ACCESS_TOKEN },
    });
    expect(loadConfig(needed).providers).toEqual({});
  });

  it.each([undefined, 'http://127.0.0.1:3912/api'])('may be WASender’s, at its own address or at %s', (base) => {
    const settings = { WASENDER_API_TOKEN: '1|token', WASENDER_BASE_URL: base };
    const wanted = { api_token: '1|token', ...(base ? { base_url: base } : {}) };
    expect(loadConfig({ ...needed, ...settings }).providers).toEqual({ wasender: wanted });
    expect(errorMessage({ WASENDER_BASE_URL: 'wasenderapi.com' })).toMatch('WASENDER_BASE_URL is wrong');
  });
});

it('takes a bucket with a pair of keys or none, and no settings of S3 without a bucket', () => {
  const keys = { MEDIA_S3_ACCESS_KEY_ID: 'an-id', MEDIA_S3_SECRET_ACCESS_KEY: 'a-secret' };
  expect(loadConfig({ ...needed, MEDIA_S3_BUCKET: 'media', ...keys })).toMatchObject({ MEDIA_S3_BUCKET: 'media' });
  expect(loadConfig({ ...needed, MEDIA_S3_BUCKET: 'media' }).MEDIA_S3_PATH_STYLE).toBe(false);
  expect(errorMessage({ MEDIA_S3_BUCKET: 'media', MEDIA_S3_ACCESS_KEY_ID: 'an-id' })).toMatch('belong together');
  for (const given of [keys, { MEDIA_S3_ENDPOINT: 'https://s3.example.test' }])
    expect(errorMessage(given)).toMatch('MEDIA_S3_BUCKET is not set');
});
