import { userRequestPaths } from './user-requests.ts';

// From `PUBLIC_URL` alone, whatever a request's Host says.
const at = (publicUrl: string, ...path: string[]): string => [publicUrl.replace(/\/$/, ''), ...path].join('/');

/** The address for a provider's events. Its token is unguessable, since not every provider signs. */
export const webhookAddress = (publicUrl: string, provider: string, token: string): string =>
  at(publicUrl, 'webhooks', provider, token);

/** The address that a provider calls when a login on its page has ended. The token is the attempt's; no browser sees it. */
export const callbackAddress = (publicUrl: string, provider: string, token: string): string =>
  at(publicUrl, 'callbacks', provider, token);

/** The address to which the provider's page returns the owner's browser, with a token of its own. */
export const returnAddress = (publicUrl: string, provider: string, token: string, outcome: ReturnOutcome): string =>
  at(publicUrl, 'callbacks', provider, token, outcome);

/** The one return address that is registered for a provider's authorization pages. */
export const oauthAddress = (publicUrl: string, provider: string): string => at(publicUrl, 'callbacks', provider);

/**
 * The address at which an owner's browser begins a login by OAuth: that of its return, so that both are of one site for the
 * browser's cookie. `start` shows that the address is ours.
 */
export function oauthStartAddress(returnAddress: string, state: string, start: string): string {
  const url = new URL(returnAddress);
  url.searchParams.set('state', state);
  url.searchParams.set('start', start);
  return url.href;
}

/** Whether an address is `parent`, or below it: of the same scheme, host and port, and in its path. Throws for no address. */
export function isBelow(address: string, parent: string): boolean {
  const [one, other] = [new URL(address), new URL(parent)];
  const folder = other.pathname.replace(/\/$/, '');
  return one.origin === other.origin && (one.pathname === other.pathname || one.pathname.startsWith(`${folder}/`));
}

/** The addresses to which a provider posts what its users ask of their data, with the token of a tenant's credentials. */
export const userRequestAddresses = (publicUrl: string, provider: string, token: string) => ({
  deauthorize: at(publicUrl, 'callbacks', provider, token, userRequestPaths.deauthorized),
  data_deletion: at(publicUrl, 'callbacks', provider, token, userRequestPaths.deletion_requested),
});

/** The page that shows how far a deletion is. */
export const deletionAddress = (publicUrl: string, provider: string, code: string): string =>
  at(publicUrl, 'callbacks', provider, userRequestPaths.deletion_requested, code);

export const returnOutcomes = ['success', 'failure'] as const;
export type ReturnOutcome = (typeof returnOutcomes)[number];
