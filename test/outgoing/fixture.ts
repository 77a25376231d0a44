import { startDelivering, type Delivering } from '../../services/outgoing/deliver-events.ts';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { settled } from '../events/settled.ts';
import { startReceiver, type Receiver } from './receiver.ts';

/** An API with a worker that delivers, both in this process, over a real PostgreSQL. */
export interface Outgoing {
  api: TestApi;
  delivering: Delivering;
  /** The account of `api.client` that has the conversations. */
  account: string;
  /** New conversations of an account. */
  conversations(n: number, account?: string): Promise<string[]>;
  /**
   * Changes each conversation once more, as one statement: `unread_count` of the events counts the changes. The events are in
   * the feed then.
   */
  change(conversations: readonly string[]): Promise<void>;
  /** An application with an endpoint, both closed at the end. */
  application(settings?: object, client?: ApiClient): Promise<Application>;
  /** Moves the clock of API and worker. */
  advance(seconds: number): void;
  stop(): Promise<void>;
}

export interface Application extends Receiver {
  endpoint: string;
  secret: string;
  /** What the API says of the endpoint now. */
  state(): Promise<any>;
  /** What the API lists of its deliveries. */
  deliveries(query?: string): Promise<any[]>;
}

export async function startOutgoing(): Promise<Outgoing> {
  const api = await startTestApi();
  const delivering = startDelivering(api.context);
  const { account } = await connect(api.client);
  const open: Receiver[] = [];
  return {
    api,
    delivering,
    account: account.id,
    conversations: async (n, of = account.id) => {
      const made = await api.context.db.system((em) =>
        seedMessages(em, of, (to) => Array.from({ length: n }, () => to.conversation({ unreadCount: 0 }).id)),
      );
      // An endpoint that is made now is not told of them.
      await settled(api);
      return made;
    },
    change: async (conversations) => {
      await api.context.db.system((em) =>
        runSql(
          em,
          'update conversations set unread_count = unread_count + 1, pinned = not pinned where id = any(?::uuid[])',
          [`{${conversations.join(',')}}`],
        ),
      );
      await settled(api);
    },
    application: async (settings = {}, client = api.client) => {
      const receiver = await startReceiver();
      open.push(receiver);
      const made = await client.post('/api/v1/webhook-endpoints', { url: receiver.url, ...settings });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      const { id: endpoint, secret } = made.body as { id: string; secret: string };
      return Object.assign(receiver, {
        endpoint,
        secret,
        state: async () => (await client.get(`/api/v1/webhook-endpoints/${endpoint}`)).body,
        deliveries: async (query = '') =>
          (await client.get(`/api/v1/webhook-deliveries?endpoint=${endpoint}&limit=200${query}`)).body.items,
      });
    },
    advance: (seconds) => {
      api.clock.advance(seconds * 1_000);
      delivering.nudge();
    },
    stop: async () => {
      await delivering.stop();
      await Promise.all(open.map((one) => one.close()));
      await api.stop();
    },
  };
}

/** The changes of each conversation, in the order in which the application took them. */
export function changesOf(application: Receiver, conversations: readonly string[]): number[][] {
  const taken = application.taken().filter(({ type }) => type === 'conversation.updated');
  return conversations.map((id) =>
    taken.filter(({ data }) => data.conversation_id === id).map(({ data }) => data.unread_count as number),
  );
}

/** 1 to n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

/** Waits until the application has taken so many changes of each conversation, and answers them as `changesOf`. */
export async function takenBy(
  application: Receiver,
  conversations: readonly string[],
  changes: number,
): Promise<number[][]> {
  await eventually(`${changes} changes of each conversation`, async () =>
    changesOf(application, conversations).every((of) => of.length >= changes),
  );
  return changesOf(application, conversations);
}
