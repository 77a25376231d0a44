import { startCounted, type Counted } from './fixture.ts';
import { playRandomDays } from './random-days.ts';
import { recount, storedDays } from './recount.ts';

let counted: Counted;
beforeAll(async () => {
  counted = await startCounted();
});
afterAll(() => counted?.stop());

describe('D10: days are counted exactly', () => {
  it.each([1, 2, 3])(
    'after messages in random order, with edits, deletions, joins, erasures, a change of clocks and of zones: seed %s',
    async (seed) => {
      const { tenantId, accounts } = await counted.tenant(`random ${seed}`, 3);
      const own = { db: counted.db, vault: counted.vault, tenantId, accounts, messages: 250, seed };
      await counted.query("update tenants set time_zone = 'Europe/Berlin' where id = ?", [tenantId]);
      await playRandomDays({ ...own, count: async () => void (await counted.count()) });
      const expected = await recount(counted.db, tenantId);
      expect(Object.keys(expected).length).toBeGreaterThan(6);
      expect(await storedDays(counted.db, tenantId)).toEqual(expected);
      // From nothing, in one run.
      await counted.query('delete from conversation_days where tenant_id = ?', [tenantId]);
      await counted.query('delete from account_days where tenant_id = ?', [tenantId]);
      await counted.query(
        `insert into analytics_marks (tenant_id, account_id, hour, marked_at)
         select tenant_id, id, '-infinity', now() from accounts where tenant_id = ?`,
        [tenantId],
      );
      await counted.count();
      expect(await storedDays(counted.db, tenantId)).toEqual(expected);
    },
    120_000,
  );
});
