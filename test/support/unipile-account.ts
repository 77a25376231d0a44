import type { ApiClient } from './client.ts';

/** The body that connects LinkedIn in a scenario of the sandbox, such as `2fa`. */
export const linkedin = (scenario: string, name: string) => ({
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username: `${scenario}@${name}.example`, password: 'correct horse' },
});

/** The upstream id of an account. */
export const upstreamOf = async (client: ApiClient, id: string): Promise<string> =>
  (await client.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
