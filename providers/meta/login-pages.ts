import type { Channel } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import type { CredentialsCall } from '../provider.ts';
import { idIn, nameIn, textIn } from '../shared/told-values.ts';
import { everyItem } from './client.ts';
import { choiceOf, type Choice } from './login-choice.ts';

/** A Page that an owner can give to the app. */
export interface Page {
  id: string;
  name: string | null;
  token: string;
  tasks: string[];
  instagram: { id: string; username: string | null } | null;
}

export const pageFields = 'id,name,access_token,tasks,category,instagram_business_account{id,username}';

/** Tasks of an owner on a Page with which messages can be read and written, also by the names of Pages in the new experience. */
const writes = /^(PROFILE_PLUS_)?(MESSAGING|MODERATE|MANAGE|FULL_CONTROL)$/;

/** Every Page that the owner of the token gave to the app, with a token of its own. */
export async function pagesOf(call: CredentialsCall, userToken: string): Promise<Page[]> {
  const found: Page[] = [];
  const own = { ...call, keys: null, providerAccountId: null };
  const request = { token: userToken, host: 'facebook', query: { fields: pageFields, limit: '100' } } as const;
  for await (const item of everyItem(own, '/me/accounts', request)) {
    const page = readPage(item);
    if (page) found.push(page);
  }
  return found;
}

/** A Page as Meta shows it; null without an id and a token. */
export function readPage(item: JsonObject): Page | null {
  const [id, token] = [idIn(item['id']), textIn(item['access_token'])];
  if (!id || !token) return null;
  const instagram = asObject(item['instagram_business_account']);
  const instagramId = idIn(instagram?.['id']);
  return {
    id,
    token,
    name: nameIn(item['name']),
    tasks: asList(item['tasks']).flatMap((one) => textIn(one)?.toUpperCase() ?? []),
    instagram: instagramId ? { id: instagramId, username: nameIn(instagram?.['username']) } : null,
  };
}

/**
 * The accounts of a channel that these Pages make possible. Throws `no_page` or `no_instagram_account` where there is none.
 */
export function choicesIn(channel: Channel, pages: readonly Page[]): Choice<Page>[] {
  // Tasks that are not told are no proof of a missing one.
  const usable = pages.filter(({ tasks }) => !tasks.length || tasks.some((task) => writes.test(task)));
  if (!usable.length) throw noPage(pages);
  const choices = usable.flatMap((page) => choiceIn(channel, page) ?? []);
  if (choices.length) return choices;
  throw new ProviderFailure(
    'no_instagram_account',
    `No Instagram professional account is linked to ${usable.map(titleOf).join(', ')}.`,
  );
}

function choiceIn(channel: Channel, page: Page): Choice<Page> | null {
  if (channel !== 'instagram') return choiceOf(page.id, titleOf(page), page);
  const { instagram } = page;
  if (!instagram) return null;
  const name = instagram.username ? `@${instagram.username}` : instagram.id;
  return choiceOf(instagram.id, `${name} (${titleOf(page)})`, page);
}

const titleOf = ({ id, name }: Page): string => name ?? `the Page ${id}`;

const noPage = (pages: readonly Page[]): ProviderFailure =>
  new ProviderFailure(
    'no_page',
    pages.length
      ? 'The owner may not write messages on any of the Pages.'
      : 'The owner has no Page, or gave the app none of them.',
  );
