import type { LoginInput, LoginProgress, ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import type { WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';

/** What a verb needs, for WASender at `base`. */
export const callTo = (base: string, change: Partial<ProviderCall> = {}): ProviderCall => ({
  settings: { api_token: '1|sandbox-pat', base_url: base },
  reach: 'any',
  channel: 'whatsapp',
  providerAccountId: null,
  // Nobody listens there.
  webhookAddress: 'http://127.0.0.1:9/webhooks/wasender/token',
  now: Date.now(),
  ...change,
});

export const inputFor = (phone?: string, more: Partial<LoginInput> = {}): LoginInput => ({
  method: 'qr',
  credentials: phone ? { phone_number: phone } : {},
  reference: 'attempt-1',
  ...more,
});

/** A session that is linked, and a call to it with its keys. */
export async function linkedCall(world: WasenderSandbox, phone = '+33639980001'): Promise<ProviderCall> {
  const begun = await wasender.login.begin(callTo(world.wasenderUrl), inputFor(phone));
  await world.control('POST', '/scan', { session: begun.providerAccountId ?? '' });
  return callAfter(world, begun);
}

export const callAfter = (world: WasenderSandbox, { providerAccountId, keys }: LoginProgress): ProviderCall =>
  callTo(world.wasenderUrl, { providerAccountId, keys });
