import { failures } from '../../domain/failures.ts';
import type { SoakResult } from './soak.ts';

export interface Row {
  what: string;
  expected: string;
  found: string;
  ok: boolean;
}

type Assertion = (result: SoakResult) => Promise<Row> | Row;

const none = async (what: string, { facts }: SoakResult, sql: string): Promise<Row> => {
  const found = await facts.count(sql);
  return { what, expected: '0', found: String(found), ok: found === 0 };
};
const listed = (what: string, expected: string, wrong: string[], right: string): Row => ({
  what,
  expected,
  found: wrong.length ? wrong.slice(0, 12).join('; ') : right,
  ok: wrong.length === 0,
});
const isCode = (text: unknown): boolean => typeof text === 'string' && Object.hasOwn(failures, text);

/** The state of each account after the end of its last operation. */
const endStates: Assertion = async ({ scenarios, facts }) => {
  const accounts = await facts.rows(
    `select a.id, a.state, a.reason, a.who, t.state as attempt, t.reason as ended from accounts a
     join connection_attempts t on t.account_id = a.id
     where t.number = (select max(number) from connection_attempts where account_id = a.id)`,
  );
  const counted: Record<string, number> = {};
  const wrong: string[] = [];
  for (const { accountId, last, person } of scenarios) {
    const row = accounts.find(({ id }) => id === accountId);
    const named = ['failed', 'reconnect_required'].includes(row?.state) && isCode(row?.reason) && row?.who !== 'nobody';
    const cancelled = row?.reason === 'cancelled' && row.attempt === 'cancelled';
    const ok = last === 'disconnect' ? row?.state === 'disconnected' : row?.state === 'active' || named || cancelled;
    const words = `${row?.state}${row?.reason ? ` (${row.reason}, ${row.who})` : ''}`;
    if (!ok) wrong.push(`${person.name} after ${last}: ${words}`);
    counted[`${last} → ${words}`] = (counted[`${last} → ${words}`] ?? 0) + 1;
  }
  const right = Object.entries(counted).map(([words, n]) => `${n} ${words}`);
  return listed('accounts are in the state last requested', `all of ${scenarios.length}`, wrong, right.join('; '));
};

const operationsKept: Assertion = async ({ scenarios, facts }) => {
  const rows = await facts.rows('select account_id, id from connection_attempts');
  const wrong: string[] = [];
  for (const { accountId, attempts, unknown, person } of scenarios) {
    const ids = new Set(rows.filter((row) => row.account_id === accountId).map(({ id }) => id as string));
    const missing = [...attempts].filter((id) => !ids.has(id)).length;
    const surplus = ids.size - attempts.size - unknown;
    if (missing || surplus > 0) wrong.push(`${person.name}: ${missing} missing, ${surplus} too many`);
  }
  return listed('accepted operations are attempts, each once', 'all', wrong, `${rows.length} attempts`);
};

/**
 * Every account at the provider is either the login of one of our accounts, or reported to the operator as a suspected
 * orphan. A report is all that is possible after a lost answer when nothing proves whose account it is.
 */
const nothingLeaked: Assertion = async ({ upstream, facts }) => {
  const known = new Set(
    (await facts.rows('select provider_account_id as id from accounts where provider_account_id is not null')).map(
      ({ id }) => id,
    ),
  );
  const reports = await facts.rows(`select data from account_events where kind = 'suspected_orphan'`);
  const suspected = new Set(
    reports.flatMap(({ data }) => [...(data.provider_account_ids ?? []), data.provider_account_id ?? []].flat()),
  );
  const leaked = upstream.filter(({ id }) => !known.has(id) && !suspected.has(id));
  const orphans = upstream.filter(({ id }) => !known.has(id) && suspected.has(id)).length;
  return listed(
    'accounts at the provider without an account of ours',
    '0',
    leaked.map(({ id, type, status }) => `${type} ${status} ${id}`),
    `0 (${upstream.length} there, ${orphans} of them reported as suspected orphans)`,
  );
};

const noneMissing: Assertion = async ({ upstream, facts }) => {
  const active = await facts.rows(`select id, provider_account_id from accounts where state = 'active'`);
  const there = new Set(upstream.filter(({ status }) => status === 'OK').map(({ id }) => id));
  const missing = active.filter((row) => !there.has(row.provider_account_id)).map(({ id }) => id as string);
  return listed('active accounts that work at the provider', 'all', missing, `${active.length} of ${active.length}`);
};

/**
 * An owner's answer has an id and is committed as sent before the post: it is posted at most once, however often the
 * worker dies. Only a post that was refused without effect (429) is repeated; the sandbox counts those. An answer is
 * not posted when its attempt was replaced, or its worker died, before the post.
 */
const answersOnce: Assertion = async ({ calls, refused, outages, facts }) => {
  const given = await facts.count('connection_steps where answer_id is not null');
  const sent = await facts.count('connection_steps where sent_at is not null');
  const posted = calls['POST /api/v1/accounts/checkpoint'] ?? 0;
  const again = refused['POST /api/v1/accounts/checkpoint'];
  const least = outages.length ? 0 : sent;
  return {
    what: 'codes posted to the provider, each once',
    expected: `${least} to ${given + again}`,
    found: `${posted} (${given} answers, ${again} refused with 429)`,
    ok: posted <= given + again && posted >= least,
  };
};

/**
 * A login is started once per attempt, and again only after a refusal without effect, after the known upstream account
 * was not found, or after listing the provider's accounts for the result of a lost answer.
 */
const loginsOnce: Assertion = async ({ calls, refused, ownListCalls, facts }) => {
  const started = await facts.count(`connection_attempts where operation <> 'disconnect' and method <> 'hosted'`);
  const asked = calls['POST /api/v1/accounts'] ?? 0;
  const lists = (calls['GET /api/v1/accounts'] ?? 0) - ownListCalls;
  const again = refused['POST /api/v1/accounts'];
  const most = started + again + lists;
  return {
    what: 'logins started at the provider, none repeated blindly',
    expected: `≤ ${most}`,
    found: `${asked} (${started} attempts, ${again} refused with 429, ${lists} lists read after a lost answer)`,
    ok: asked <= most,
  };
};

/** The sandbox keeps this many deliveries. */
const keptDeliveries = 1_000;

const eventsKept: Assertion = async ({ deliveries, facts }) => {
  const kept = await facts.rows('select type, sum(deliveries)::int as n from webhook_events group by type');
  const delivered: Record<string, number> = {};
  for (const { label, state } of deliveries) {
    if (state !== 'delivered' || label.startsWith('hosted ')) continue;
    const type = label.startsWith('account_status ') ? label.toLowerCase().replace(' ', '.') : label;
    delivered[type] = (delivered[type] ?? 0) + 1;
  }
  const lost = Object.entries(delivered).flatMap(([type, n]) => {
    const have = kept.find((row) => row.type === type)?.n ?? 0;
    return have < n ? [`${type}: ${have} of ${n}`] : [];
  });
  const total = Object.values(delivered).reduce((sum, n) => sum + n, 0);
  const rows = await facts.count('webhook_events');
  const more = deliveries.length >= keptDeliveries ? ' (of the last thousand)' : '';
  return listed('webhooks answered 200 and stored', `all of ${total}${more}`, lost, `all, as ${rows} events`);
};

const namedFailures: Assertion = async ({ facts }) => {
  const reasons = await facts.rows(
    `select reason, count(*)::int as n from (
       select reason from connection_attempts where state in ('failed', 'cancelled')
       union all select reason from accounts where state in ('failed', 'reconnect_required', 'degraded')
       union all select reason from sync_runs where state = 'failed') r group by reason order by n desc`,
  );
  const wrong = reasons.filter(({ reason }) => !isCode(reason) || reason === 'unexpected');
  const words = (rows: typeof reasons): string[] => rows.map(({ reason, n }) => `${n} ${reason}`);
  return listed('failures with a name', 'all', words(wrong), words(reasons).join(', ') || 'no failure');
};

const workflowsEnded: Assertion = async ({ facts, disturbances }) => {
  const { COMPLETED = 0, ...others } = await facts.workflows();
  const { cancelled = 0, terminated = 0 } = disturbances ?? {};
  const byHand: Record<string, number> = { CANCELLED: cancelled, TERMINATED: terminated };
  const wrong = Object.entries(others).flatMap(([status, n]) => (n > (byHand[status] ?? 0) ? [`${n} ${status}`] : []));
  const expected = disturbances ? `but ${cancelled} cancelled and ${terminated} terminated by hand` : 'no other';
  return listed('workflows, all completed', expected, wrong, `${COMPLETED} completed`);
};

/** Codes of refusals that the soak's timing can cause: the step or attempt is over, or a request is in progress. */
const expectedCodes = new Set([
  'stale_step',
  'answer_in_flight',
  'attempt_ended',
  'request_in_progress',
  'account_not_connected',
  'invalid_credentials_shape',
  'step_takes_no_answer',
  'cannot_resend',
  'not_found',
]);
/** How long after an outage requests may still fail, in milliseconds. */
const recoveryMs = 3_000;

const apiAnswers: Assertion = ({ requests, outages, disturbances }) => {
  const during = (at: number, ...which: string[]): boolean =>
    outages.some(({ part, from, to }) => which.includes(part) && at > from - 20_000 && at < to + recoveryMs);
  const { from = 0, to = 0 } = disturbances?.locked ?? {};
  const isLocked = (at: number, code: string): boolean => code === 'database_busy' && at > from && at < to + recoveryMs;
  const wrong: Record<string, number> = {};
  const fine: Record<string, number> = {};
  for (const { at, what, status, code, retryAfter } of requests) {
    const ok =
      status === 0
        ? during(at, 'api')
        : status >= 500
          ? status === 503 && retryAfter && (during(at, 'postgres', 'temporal') || isLocked(at, code))
          : status < 400 || expectedCodes.has(code);
    const words = ok ? `${status || 'no answer'}${code && ` ${code}`}` : `${what} ${status || 'no answer'} ${code}`;
    const counted = ok ? fine : wrong;
    counted[words] = (counted[words] ?? 0) + 1;
  }
  const words = (counted: Record<string, number>): string[] =>
    Object.entries(counted).map(([what, n]) => `${n} × ${what}`);
  return listed(
    'answers of the API',
    'no 500, 503 only in outages and at a locked row',
    words(wrong),
    words(fine).join(', '),
  );
};

const assertions: Assertion[] = [
  endStates,
  operationsKept,
  (all) => none('attempts still running', all, `connection_attempts where state = 'running'`),
  (all) => none('attempts with a compensation left', all, `connection_attempts where undo <> '[]'`),
  (all) =>
    none(
      'lost answers not resolved',
      all,
      'connection_attempts where intent_at is not null and provider_account_id is null',
    ),
  (all) => none('syncs still running', all, `sync_runs where state = 'running'`),
  (all) =>
    none(
      'checks and signals still owed',
      all,
      `accounts a left join webhook_events e on e.account_id = a.id where a.check_requested_at is not null or e.owes_signal`,
    ),
  nothingLeaked,
  noneMissing,
  answersOnce,
  loginsOnce,
  eventsKept,
  (all) => none('webhook events not applied', all, `webhook_events where state in ('received', 'failed')`),
  namedFailures,
  workflowsEnded,
  apiAnswers,
  ({ left }) => listed('work left when the time was over', 'none', left, 'none'),
];

export async function assertAll(result: SoakResult): Promise<Row[]> {
  const rows: Row[] = [];
  for (const assertion of assertions) rows.push(await assertion(result));
  return rows;
}
