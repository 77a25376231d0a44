import { setTimeout as sleep } from 'node:timers/promises';

/** An account as the provider shows it. */
export interface UpstreamAccount {
  id: string;
  type: string;
  status: string;
}

export interface Upstream {
  /** Every account at the provider. Faults hit these calls too: they are repeated. */
  list(): Promise<UpstreamAccount[]>;
  /** How many calls `list` made: the provider counts them too. */
  readonly listCalls: number;
}

const perPage = 250;

export function createUpstream(url: string): Upstream {
  let listCalls = 0;
  const page = async (cursor: string | null): Promise<any> => {
    for (;;) {
      listCalls += 1;
      const query = cursor ? `cursor=${encodeURIComponent(cursor)}` : `limit=${perPage}`;
      const answer = await fetch(`${url}/api/v1/accounts?${query}`, { headers: { 'x-api-key': 'sandbox-key' } });
      if (answer.ok) return answer.json();
      await answer.body?.cancel();
      // The provider may refuse the key for a while.
      if (answer.status === 401) await sleep(250);
    }
  };
  return {
    list: async () => {
      const found: UpstreamAccount[] = [];
      for (let cursor: string | null = null; ;) {
        const { items, cursor: next } = await page(cursor);
        for (const { id, type, sources } of items) found.push({ id, type, status: sources[0]?.status ?? '' });
        if (!next) return found;
        cursor = next;
      }
    },
    get listCalls() {
      return listCalls;
    },
  };
}
