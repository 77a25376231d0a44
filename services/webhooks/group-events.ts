import type { Em } from '../../db/connect.ts';
import { loginsOfGroups, type AskedGroup } from '../../db/queries/accounts/provider-groups.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import { newId } from '../../platform/ids.ts';

/** Events of accounts that become of the group events stored at once; those beyond it stay unmatched, to be replayed. */
const mostEvents = 10_000;

/** What is known of an event before its account is. */
interface Unmatched {
  request: { sender: { credentialsId: string } };
  id: string;
  event: WebhookEvent | null;
  login: string | null;
  key: string;
  prior: string | null;
}

const groupOf = ({ request, event }: Unmatched): AskedGroup | null =>
  event?.providerGroup === undefined
    ? null
    : { credentialsId: request.sender.credentialsId, group: event.providerGroup };

const nameOf = ({ credentialsId, group }: AskedGroup): string => `${credentialsId} ${group}`;

/**
 * An event of a group becomes one of each of its accounts, told from each other by their keys; of a group without any it stays
 * as it is. Executes nothing where no event names a group. System role.
 */
export async function byAccount<Item extends Unmatched>(em: Em, items: readonly Item[]): Promise<Item[]> {
  const asked = new Map<string, AskedGroup>();
  for (const item of items) {
    const group = groupOf(item);
    if (group) asked.set(nameOf(group), group);
  }
  if (!asked.size) return [...items];
  const logins = Map.groupBy(await loginsOfGroups(em, [...asked.values()]), nameOf);
  let left = mostEvents;
  return items.flatMap((item) => {
    const group = groupOf(item);
    const found = (group && logins.get(nameOf(group))) ?? [];
    if (!found.length || found.length > left) return [item];
    left -= found.length;
    return found.map(({ providerAccountId: login }) => ({
      ...item,
      id: newId(),
      login,
      key: `${item.key} of ${login}`,
      prior: item.prior && `${item.prior} of ${login}`,
    }));
  });
}
