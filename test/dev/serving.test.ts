import { wantsSandbox } from '../../dev/parts/serving.ts';

describe('the sandbox of the local stack', () => {
  test.each([
    ['nothing set', {}],
    ['a verify token alone', { WEBHOOK_VERIFY_TOKEN: 'token' }],
    ['an interval alone', { WASENDER_SYNC_INTERVAL_HOURS: '3' }],
    ['an empty credential', { UNIPILE_ACCESS_TOKEN: '' }],
  ])('runs with %s', (_, env) => {
    expect(wantsSandbox(env)).toBe(true);
  });

  test.each([
    ['credentials of UniPile', { UNIPILE_DSN: 'https://api1.unipile.com:13111', UNIPILE_ACCESS_TOKEN: 'key' }],
    ['credentials of WASender', { WASENDER_API_TOKEN: 'key' }],
    ['credentials of Meta', { META_APP_ID: '1', META_APP_SECRET: 'secret' }],
    ['production', { NODE_ENV: 'production' }],
  ])('is off with %s', (_, env) => {
    expect(wantsSandbox(env)).toBe(false);
  });
});
