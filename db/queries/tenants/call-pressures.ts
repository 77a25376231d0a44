import type { CallKind } from '../../../domain/call-limits.ts';
import { freeIn, gapMs, type Pressure } from '../../../domain/call-pressure.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** The name of the limit of all calls with credentials. */
export const everyCall = '';

interface Row {
  name: string;
  percent: number;
  until: string;
  nextAt: string;
}

const pressureOf = ({ percent, until, nextAt }: Row): Pressure => ({
  percent,
  until: new Date(until),
  nextAt: new Date(nextAt),
});

const columns = sql`name, percent, until::text as until, next_at::text as "nextAt"`;

/** The limits that slow calls or stop them now, of all credentials: few at any time. System role. */
export const pressuresNow = (em: Em, now: Date): Promise<{ credentialsId: string; name: string; percent: number }[]> =>
  rows(em, sql`select credentials_id as "credentialsId", name, percent from call_pressures where until > ${now}`);

/** Lets a call go out that counts toward these limits, and answers 0; else in how many milliseconds it may. System role. */
export async function takeTurn(
  em: Em,
  credentialsId: string,
  names: readonly string[],
  kind: CallKind,
  now: Date,
): Promise<number> {
  const found = await rows<Row>(
    em,
    sql`select ${columns} from call_pressures
        where credentials_id = ${credentialsId} and name = any(${[...names]}::text[]) and until > ${now}
        order by name for no key update`,
  );
  const waitMs = Math.max(0, ...found.map((row) => freeIn(pressureOf(row), kind, now)));
  if (waitMs > 0 || !found.length) return waitMs;
  const next = found.map(({ name, percent }) => ({ name, next_at: new Date(now.getTime() + gapMs(percent)) }));
  await rows(
    em,
    sql`update call_pressures p set next_at = n.next_at
        from ${recordset(next, sql`(name text, next_at timestamptz)`)} n
        where p.credentials_id = ${credentialsId} and p.name = n.name`,
  );
  return 0;
}

/** A limit as it is kept; `until` is null where it holds nothing up. */
export interface KeptPressure {
  name: string;
  percent: number;
  until: Date | null;
}

/**
 * Keeps what answers told of limits, and drops what counts no more. A full limit stays until its time: an answer that was on
 * its way before tells an older state. System role.
 */
export async function keepPressures(
  em: Em,
  { id, tenantId }: { id: string; tenantId: string | null },
  told: readonly KeptPressure[],
  now: Date,
): Promise<void> {
  const list = told.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  await rows(
    em,
    sql`delete from call_pressures where credentials_id = ${id} and (until <= ${now}
          or percent < 100 and name = any(${list.flatMap((one) => (one.until ? [] : one.name))}::text[]))`,
  );
  const kept = list.filter(({ until }) => until !== null);
  if (!kept.length) return;
  await rows(
    em,
    sql`insert into call_pressures as p (credentials_id, name, tenant_id, percent, until, next_at)
        select ${id}::uuid, name, ${tenantId}::uuid, percent, until, ${now}::timestamptz
          from ${recordset(kept, sql`(name text, percent float8, until timestamptz)`)} told
        on conflict (credentials_id, name) do update
          set percent = excluded.percent, until = greatest(excluded.until, p.until)
          where p.percent < 100 or excluded.percent >= 100`,
  );
}

/** In how many milliseconds the provider's limits of all calls, and of what is named, let a live call go out. */
export async function pressureLiftsIn(
  em: Em,
  credentialsId: string,
  names: readonly string[],
  now: Date,
): Promise<number> {
  const found = await rows<Row>(
    em,
    sql`select ${columns} from call_pressures where credentials_id = ${credentialsId}
          and name = any(${[everyCall, ...names]}::text[]) and until > ${now}`,
  );
  return Math.max(0, ...found.map((row) => freeIn(pressureOf(row), 'live', now)));
}
