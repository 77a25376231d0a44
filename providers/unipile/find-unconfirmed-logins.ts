import type { LoginInput, ProviderCall } from '../provider.ts';
import { madeAt, readAccount } from './account.ts';
import { everyItem } from './lists.ts';
import { providerWords } from './login-input.ts';

/** Accounts made since then. Proven: the name that was typed in stands in the account. */
export async function findUnconfirmedLogins(
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<{ providerAccountId: string; proven: boolean }[]> {
  const typed = input.credentials.username ?? input.credentials.imap_user;
  const name = typeof typed === 'string' ? typed.trim().toLowerCase() : null;
  const found: { providerAccountId: string; proven: boolean }[] = [];
  for await (const item of everyItem(call, '/accounts')) {
    const account = readAccount(item);
    const at = madeAt(account);
    if (!account.id || account.type !== providerWords[call.channel]) continue;
    if (at !== null && at < since) continue;
    const { im, mail } = account.connection_params;
    const names = [im.username, ...Object.values(mail)].map((one) =>
      typeof one === 'string' ? one.toLowerCase() : null,
    );
    found.push({ providerAccountId: account.id, proven: at !== null && name !== null && names.includes(name) });
  }
  return found;
}
