import type { Channel } from '../../domain/channels.ts';
import type { ListedAccount, ProviderCall } from '../provider.ts';
import { readAccount } from './account.ts';
import { everyItem } from './lists.ts';
import { viewOf } from './view.ts';

/** The channel of each type of account that can be connected here. */
const channels: Record<string, Channel> = {
  WHATSAPP: 'whatsapp',
  TELEGRAM: 'telegram',
  LINKEDIN: 'linkedin',
  INSTAGRAM: 'instagram',
  MESSENGER: 'messenger',
  MAIL: 'mail',
  GOOGLE_OAUTH: 'mail',
  OUTLOOK: 'mail',
  ICLOUD: 'mail',
  EXCHANGE: 'mail',
};

/** Everything that lives at UniPile under these credentials, whoever made it. */
export async function listAccounts(call: ProviderCall): Promise<ListedAccount[]> {
  const found: ListedAccount[] = [];
  for await (const item of everyItem(call, '/accounts')) {
    const { id, type, name } = readAccount(item);
    if (!id) continue;
    const channel = Object.hasOwn(channels, type ?? '') ? (channels[type ?? ''] ?? null) : null;
    found.push({ providerAccountId: id, channel, name, view: viewOf(item) });
  }
  return found;
}
