import pg from 'pg';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { eventually } from '../support/eventually.ts';
import type { RealStack } from '../support/real-stack.ts';

/** `begin`: before the mark of a send is committed; `answer`: before its outcome is. */
export type GatePoint = 'begin' | 'answer';

/** A send that waits within its transaction, or with `text` null the account's next one. */
export interface Gate {
  account: string;
  text: string | null;
  at: GatePoint;
}

/** Transactions of PostgreSQL that wait where a test wants a worker to be killed. */
export interface SendGates {
  close(gate: Gate): Promise<void>;
  /** Resolves once a transaction waits at the gate. */
  reached(gate: Gate): Promise<void>;
  open(gate: Gate): Promise<void>;
  openAll(): Promise<void>;
  end(): Promise<void>;
}

/** The function sleeps and waits for no lock: a lock's time-out would end it. The lock that it takes shows that it waits. */
const setUp = `
create table send_gates (account_id uuid not null, text text, at text not null);
grant select on send_gates to patchbay_app, patchbay_system;
create function wait_at_gate() returns trigger language plpgsql as $$
declare
  point text := case new.state when 'sending' then 'begin' else 'answer' end;
  wanted text := (select text from messages where id = new.message_id);
begin
  while exists (select from send_gates g
                where g.account_id = new.account_id and g.at = point and coalesce(g.text, wanted) = wanted) loop
    perform pg_advisory_xact_lock(hashtextextended(new.account_id || point, 0));
    perform pg_sleep(0.05);
  end loop;
  return new;
end $$;
create trigger wait_at_gate before update on message_sends for each row
  when (new.state is distinct from old.state and new.state in ('sending', 'sent')) execute function wait_at_gate();`;

export async function openSendGates({ home, stack }: RealStack): Promise<SendGates> {
  const pool = new pg.Pool({ connectionString: databaseUrlOf(home, stack.describe().database_url, 'owner'), max: 2 });
  await pool.query(setUp);
  const isReached = async ({ account, at }: Gate): Promise<boolean> => {
    const { rowCount } = await pool.query(
      `select from pg_locks where locktype = 'advisory' and granted
         and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1::text, 0)`,
      [account + at],
    );
    return rowCount === 1;
  };
  return {
    close: async ({ account, text, at }) => {
      await pool.query('insert into send_gates values ($1, $2, $3)', [account, text, at]);
    },
    reached: async (gate) => {
      await eventually(`"${gate.text}" to be at ${gate.at}`, () => isReached(gate));
    },
    open: async ({ account, text, at }) => {
      await pool.query('delete from send_gates where account_id = $1 and text is not distinct from $2 and at = $3', [
        account,
        text,
        at,
      ]);
    },
    openAll: async () => {
      await pool.query('delete from send_gates');
    },
    end: () => pool.end(),
  };
}
