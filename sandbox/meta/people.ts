import { hashText, mix } from '../world/random.ts';
import { nameFor } from '../world/people.ts';
import { addHistory } from './history.ts';
import type { State } from './state.ts';
import type { InstagramAccount, Page, Person } from './types.ts';

const STORIES = ['plain', 'several', 'no-page', 'no-instagram', 'refuse', 'some-scopes'] as const;
type Story = (typeof STORIES)[number];

/** A user name's part before `@` and before `+`; every other name is `plain`. */
export function storyOf(userName: string): Story {
  const word = userName.trim().toLowerCase().split(/[@+]/)[0];
  return STORIES.find((one) => one === word) ?? 'plain';
}

const PAGE_NAMES = ['Coffee', 'Books', 'Bikes'];
const CATEGORIES = ['Cafe', 'Bookstore', 'Bicycle Shop'];

/** The person of a user name, with Pages and Instagram accounts of their own. The same name is the same person. */
export function personNamed(state: State, typed: string): Person {
  const { people } = state.world;
  const userName = typed.trim().toLowerCase();
  const known = people.get(userName);
  if (known) return known;
  const story = storyOf(userName);
  const name = nameFor(userName);
  const pageCount = story === 'several' ? 3 : story === 'no-page' ? 0 : 1;
  const pages = Array.from({ length: pageCount }, (_, n) => addPage(state, userName, name, n, story));
  const person: Person = {
    id: idFrom(userName, 'user', '122'),
    userName,
    name,
    pageIds: pages.map(({ id }) => id),
    instagramId:
      pages[0]?.instagramId ?? (story === 'no-instagram' ? null : addInstagram(state, userName, name, 0, null).id),
    granted: new Set(),
  };
  people.set(userName, person);
  return person;
}

/** Of three Pages the last one has no Instagram account. */
function addPage(state: State, userName: string, name: string, n: number, story: Story): Page {
  const id = idFrom(userName, `page ${n}`, '101');
  const isLinked = story !== 'no-instagram' && n < 2;
  const page: Page = {
    id,
    channel: 'messenger',
    name: `${name.split(' ')[1] ?? name} ${PAGE_NAMES[n] ?? 'Shop'}`,
    category: CATEGORIES[n] ?? 'Shopping',
    instagramId: isLinked ? addInstagram(state, userName, name, n, id).id : null,
    subscribedApps: new Map(),
    failingSince: null,
    threads: new Map(),
  };
  state.world.pages.set(id, page);
  addHistory(state, page, 5, id);
  return page;
}

function addInstagram(
  state: State,
  userName: string,
  name: string,
  n: number,
  pageId: string | null,
): InstagramAccount {
  const account: InstagramAccount = {
    id: idFrom(userName, `instagram ${n}`, '17841'),
    appScopedId: idFrom(userName, `instagram app ${n}`, '25'),
    channel: 'instagram',
    name,
    username: `${name.toLowerCase().replaceAll(' ', '.')}.${hashText(userName) % 1000}${n || ''}`,
    pageId,
    subscribedApps: new Map(),
    threads: new Map(),
  };
  state.world.instagrams.set(account.id, account);
  addHistory(state, account, 5, account.id);
  return account;
}

/** Digits that follow from the name: the same person is the same in every sandbox. */
function idFrom(userName: string, what: string, prefix: string): string {
  const high = hashText(`${userName} ${what}`);
  return `${prefix}${String(high).padStart(10, '0')}${String(mix(high, 7) % 100).padStart(2, '0')}`;
}
