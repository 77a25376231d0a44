import type { LoginInput, ProviderCall, UnconfirmedLogin } from '../provider.ts';
import { madeAt, readAccount } from './account-object.ts';
import { everyItem } from './client.ts';
import { providerNames } from './ids.ts';

/** Accounts made since then. Proven: the account shows the name that was typed in. */
export async function findUnconfirmedLogins(
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<UnconfirmedLogin[]> {
  const typed = input.credentials.username ?? input.credentials.imap_user;
  const name = typeof typed === 'string' ? typed.trim().toLowerCase() : null;
  const found: UnconfirmedLogin[] = [];
  for await (const item of everyItem(call, '/accounts')) {
    const account = readAccount(item);
    const at = madeAt(account);
    if (!account.id || account.type !== providerNames[call.channel]) continue;
    if (at !== null && at < since) continue;
    const { im, mail } = account.connection_params;
    const names = [im.username, ...Object.values(mail)].map((one) =>
      typeof one === 'string' ? one.toLowerCase() : null,
    );
    found.push({ providerAccountId: account.id, proven: at !== null && name !== null && names.includes(name) });
  }
  return found;
}
