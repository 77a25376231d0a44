import { isPrivateAddress } from '../../platform/private-address.ts';
import { startTestApi, type TestApi } from './support.ts';

it.each([
  'localhost',
  'a.localhost',
  'metadata.google.internal',
  '127.0.0.1',
  '10.1.2.3',
  '172.20.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '[::1]',
  '[fe80::1]',
  '[fd00::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a00:1]',
])('%s is private', (host) => expect(isPrivateAddress(new URL(`https://${host}`).hostname)).toBe(true));

it.each(['api1.unipile.com', '8.8.8.8', '172.32.0.1', '[2001:4860:4860::8888]', 'localhost.example.com'])(
  '%s is public',
  (host) => expect(isPrivateAddress(new URL(`https://${host}`).hostname)).toBe(false),
);

it('prevents tenants of a production from reaching the network of the process', async () => {
  let api: TestApi | undefined;
  try {
    api = await startTestApi({ NODE_ENV: 'production' });
    for (const dsn of ['http://api1.unipile.com:13111', '127.0.0.1:13111', 'https://10.0.0.1', 'localhost:443']) {
      const { status, body } = await api.client.put('/api/v1/providers/unipile', { dsn, access_token: 'token' });
      expect([dsn, status, body.code]).toEqual([dsn, 422, 'invalid_settings']);
    }
    const outside = { dsn: 'api1.unipile.com:13111', access_token: 'token' };
    expect((await api.client.put('/api/v1/providers/unipile', outside)).status).toBe(200);
  } finally {
    await api?.stop();
  }
});
