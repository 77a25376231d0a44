import { failures } from '../../domain/failures.ts';
import type { Aftermath } from './storm.ts';

/** One line of the verdict. */
export interface Row {
  what: string;
  expected: string;
  found: string;
  ok: boolean;
}

type Check = (aftermath: Aftermath) => Promise<Row> | Row;

const none = async (what: string, { facts }: Aftermath, sql: string): Promise<Row> => {
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

/** How an account stands when its last wish has come to its end. */
const restsAs: Check = async ({ lives, facts }) => {
  const standing = await facts.rows(
    `select a.id, a.state, a.reason, a.who, t.state as attempt, t.reason as ended from accounts a
     join connection_attempts t on t.account_id = a.id
     where t.number = (select max(number) from connection_attempts where account_id = a.id)`,
  );
  const counted: Record<string, number> = {};
  const wrong: string[] = [];
  for (const { accountId, last, person } of lives) {
    const row = standing.find(({ id }) => id === accountId);
    const named = ['failed', 'reconnect_required'].includes(row?.state) && isCode(row?.reason) && row?.who !== 'nobody';
    const cancelled = row?.reason === 'cancelled' && row.attempt === 'cancelled';
    const ok = last === 'disconnect' ? row?.state === 'disconnected' : row?.state === 'active' || named || cancelled;
    const words = `${row?.state}${row?.reason ? ` (${row.reason}, ${row.who})` : ''}`;
    if (!ok) wrong.push(`${person.name} after ${last}: ${words}`);
    counted[`${last} → ${words}`] = (counted[`${last} → ${words}`] ?? 0) + 1;
  }
  const right = Object.entries(counted).map(([words, n]) => `${n} ${words}`);
  return listed('accounts rest as they were last wished', `${lives.length} as wished`, wrong, right.join('; '));
};

const wishesKept: Check = async ({ lives, facts }) => {
  const rows = await facts.rows('select account_id, id from connection_attempts');
  const wrong: string[] = [];
  for (const { accountId, attempts, unknown, person } of lives) {
    const ids = new Set(rows.filter((row) => row.account_id === accountId).map(({ id }) => id as string));
    const missing = [...attempts].filter((id) => !ids.has(id)).length;
    const surplus = ids.size - attempts.size - unknown;
    if (missing || surplus > 0) wrong.push(`${person.name}: ${missing} missing, ${surplus} too many`);
  }
  return listed('wishes that were taken are attempts, each once', 'all', wrong, `${rows.length} attempts`);
};

/**
 * What lives at the provider: the logins that our accounts name, and what was named to the operator as a suspected
 * orphan. The latter is all that can be done about a call whose answer was lost, where nothing in the account proves
 * whose it is.
 */
const nothingLeaked: Check = async ({ upstream, facts }) => {
  const named = new Set(
    (await facts.rows('select provider_account_id as id from accounts where provider_account_id is not null')).map(
      ({ id }) => id,
    ),
  );
  const told = await facts.rows(`select data from account_events where kind = 'suspected_orphan'`);
  const suspected = new Set(
    told.flatMap(({ data }) => [...(data.provider_account_ids ?? []), data.provider_account_id ?? []].flat()),
  );
  const leaked = upstream.filter(({ id }) => !named.has(id) && !suspected.has(id));
  const orphans = upstream.filter(({ id }) => !named.has(id) && suspected.has(id)).length;
  return listed(
    'accounts at the provider that nobody names',
    '0',
    leaked.map(({ id, type, status }) => `${type} ${status} ${id}`),
    `0 (${upstream.length} there, ${orphans} of them told as suspected orphans)`,
  );
};

const noneMissing: Check = async ({ upstream, facts }) => {
  const active = await facts.rows(`select id, provider_account_id from accounts where state = 'active'`);
  const there = new Set(upstream.filter(({ status }) => status === 'OK').map(({ id }) => id));
  const missing = active.filter((row) => !there.has(row.provider_account_id)).map(({ id }) => id as string);
  return listed('active accounts that work at the provider', 'all', missing, `${active.length} of ${active.length}`);
};

/**
 * An owner's answer has an id, and is committed as sent before it is posted: it is posted once at most, however often
 * its worker dies. Only a post that was surely refused without effect (429) is repeated, and those are counted. An
 * answer whose attempt was replaced first, or whose worker died before the post, is not posted at all.
 */
const answersOnce: Check = async ({ calls, refused, outages, facts }) => {
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
 * A login is begun once per attempt. Beyond that it may be asked for again only after a refusal without effect, after
 * the known upstream account turned out to be gone, or after the provider's accounts were listed for what the lost
 * answer may have made.
 */
const loginsOnce: Check = async ({ calls, refused, ownLists, facts }) => {
  const begun = await facts.count(`connection_attempts where operation <> 'disconnect' and method <> 'hosted'`);
  const asked = calls['POST /api/v1/accounts'] ?? 0;
  const lists = (calls['GET /api/v1/accounts'] ?? 0) - ownLists;
  const again = refused['POST /api/v1/accounts'];
  const most = begun + again + lists;
  return {
    what: 'logins begun at the provider, none blindly twice',
    expected: `≤ ${most}`,
    found: `${asked} (${begun} attempts, ${again} refused with 429, ${lists} looks for a lost answer)`,
    ok: asked <= most,
  };
};

/** The sandbox remembers this many deliveries. */
const remembered = 1_000;

const eventsKept: Check = async ({ deliveries, facts }) => {
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
  const more = deliveries.length >= remembered ? ' (of the last thousand)' : '';
  return listed('webhooks answered 200 that are kept', `all of ${total}${more}`, lost, `all, as ${rows} events`);
};

const namedFailures: Check = async ({ facts }) => {
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

const workflowsEnded: Check = async ({ facts }) => {
  const { COMPLETED = 0, ...others } = await facts.workflows();
  const wrong = Object.entries(others).map(([status, n]) => `${n} ${status}`);
  return listed('workflows, all completed', 'no other', wrong, `${COMPLETED} completed`);
};

/** Answers that a caller of this storm can bring about: what it asked for was over, taken, or taking place. */
const foreseen = new Set([
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
/** How long after an outage its effects may be felt, in milliseconds. */
const aftershockMs = 3_000;

const apiAnswers: Check = ({ seen, outages }) => {
  const during = (at: number, ...which: string[]): boolean =>
    outages.some(({ part, from, to }) => which.includes(part) && at > from - 20_000 && at < to + aftershockMs);
  const wrong: Record<string, number> = {};
  const fine: Record<string, number> = {};
  for (const { at, what, status, code, retryAfter } of seen) {
    const ok =
      status === 0
        ? during(at, 'api')
        : status >= 500
          ? status === 503 && retryAfter && during(at, 'postgres', 'temporal')
          : status < 400 || foreseen.has(code);
    const words = ok ? `${status || 'no answer'}${code && ` ${code}`}` : `${what} ${status || 'no answer'} ${code}`;
    const counted = ok ? fine : wrong;
    counted[words] = (counted[words] ?? 0) + 1;
  }
  const words = (counted: Record<string, number>): string[] =>
    Object.entries(counted).map(([what, n]) => `${n} × ${what}`);
  return listed('answers of the API', 'no 500, 503 only in outages', words(wrong), words(fine).join(', '));
};

const checks: Check[] = [
  restsAs,
  wishesKept,
  (all) => none('attempts still running', all, `connection_attempts where state = 'running'`),
  (all) => none('attempts with something left to undo', all, `connection_attempts where undo <> '[]'`),
  (all) =>
    none(
      'lost answers that nobody looked for',
      all,
      'connection_attempts where intent_at is not null and provider_account_id is null',
    ),
  (all) => none('syncs still running', all, `sync_runs where state = 'running'`),
  (all) =>
    none(
      'looks and signals still owed',
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
  ({ left }) => listed('left to do when the time to rest was over', 'nothing', left, 'nothing'),
];

export async function judge(aftermath: Aftermath): Promise<Row[]> {
  const rows: Row[] = [];
  for (const check of checks) rows.push(await check(aftermath));
  return rows;
}

/** What was done to the stack, in words. */
export function deeds({ lives, outages, dropped, messages, tookMs, calls }: Aftermath): string[] {
  const made = lives.reduce((sum, { made: n }) => sum + n, 0);
  const cancelled = lives.reduce((sum, { cancelled: n }) => sum + n, 0);
  const kills = ['api', 'worker', 'temporal', 'postgres'].map(
    (part) => `${part} ${outages.filter((one) => one.part === part).length}`,
  );
  const drops = Object.entries(dropped).map(([status, n]) => `${n} ${status}`);
  const asked = Object.values(calls).reduce((sum, n) => sum + n, 0);
  return [
    `${lives.length} accounts, ${made} wishes, ${cancelled} of them cancelled, in ${Math.round(tookMs / 1_000)} s`,
    `killed with SIGKILL: ${kills.join(', ')}`,
    `accounts dropped by the provider: ${drops.join(', ') || 'none'}; messages received: ${messages}`,
    `calls to the provider: ${asked}, three in ten failing; webhooks dropped, doubled and out of order`,
  ];
}
