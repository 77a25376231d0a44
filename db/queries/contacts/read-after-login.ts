import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Whether the address book is read soon after a login: that read will be repeated. */
export async function isReadAfterLogin(em: Em, accountId: string): Promise<boolean> {
  const [account] = await rows<{ again: boolean }>(
    em,
    sql`select contacts_again_at is not null as again from accounts where id = ${accountId}`,
  );
  return account?.again ?? false;
}
