import type { Database } from '../../db/connect.ts';

/** The part of the connections that one tenant may have at a time. */
const largestShare = 0.7;

/**
 * The same database, whose `connections` tenants share: each waits in a queue of its own, the queues are served in turn,
 * and no tenant has all connections. So a tenant's flood, or its locked row, leaves the others theirs.
 */
export function fairDatabase(db: Database, connections: number): Database {
  const share = Math.max(1, Math.floor(connections * largestShare));
  const queues = new Map<string, (() => void)[]>();
  const running = new Map<string, number>();
  let all = 0;

  /** Lets in who may run now. A tenant that was served goes to the end of the order. */
  const serve = (): void => {
    for (const [tenant, waiting] of queues) {
      if (all >= connections) return;
      if ((running.get(tenant) ?? 0) >= share) continue;
      const start = waiting.shift();
      queues.delete(tenant);
      if (waiting.length) queues.set(tenant, waiting);
      all += 1;
      running.set(tenant, (running.get(tenant) ?? 0) + 1);
      start?.();
    }
  };
  const enter = (tenant: string): Promise<void> =>
    new Promise((resolve) => {
      const waiting = queues.get(tenant);
      if (waiting) waiting.push(resolve);
      else queues.set(tenant, [resolve]);
      serve();
    });
  const leave = (tenant: string): void => {
    all -= 1;
    const left = (running.get(tenant) ?? 1) - 1;
    if (left > 0) running.set(tenant, left);
    else running.delete(tenant);
    serve();
  };

  return {
    ...db,
    tenant: async (tenantId, work) => {
      await enter(tenantId);
      try {
        return await db.tenant(tenantId, work);
      } finally {
        leave(tenantId);
      }
    },
  };
}
