import { judgeHealth, type HealthFacts } from '../../domain/account-health.ts';
import type { AccountState } from '../../domain/accounts.ts';
import { reasonsOf } from '../../domain/health-reasons.ts';

const well: HealthFacts = {
  status: { state: 'active', reason: null, who: 'nobody' },
  webhook: { state: 'ok', missing: [], isOnly: false },
  registersWebhook: true,
  silence: { since: null, usualMs: null },
  detailsFaults: [],
  visits: { failures: 0, reason: null },
  syncs: [],
  overdue: [],
  token: { endsAt: null, failedRenewals: 0 },
  sends: { unclear: 0, holdsUntil: null, holdsFor: null, stopped: null },
  loginsHeldUntil: null,
  failedEvents: 0,
};
const at = Date.UTC(2026, 4, 4, 10);
const judged = (facts: Partial<HealthFacts>): { verdict: string; codes: string[]; who: string[]; summary: string } => {
  const all = { ...well, ...facts };
  const reasons = reasonsOf(all);
  return {
    ...judgeHealth(all.status.state, reasons),
    codes: reasons.map(({ code }) => code),
    who: reasons.map(({ who }) => who),
  };
};
const status = (state: AccountState, reason: string | null, who: 'owner' | 'operator' | 'nobody') => ({
  status: { state, reason, who },
});

it('calls an account healthy of which nothing is wrong, whatever is not known of it', () => {
  expect(judged({})).toEqual({ verdict: 'healthy', codes: [], who: [], summary: 'The account works.' });
  expect(judged({ webhook: { state: null, missing: [], isOnly: true } })).toMatchObject({ verdict: 'healthy' });
});

it.each<[string, Partial<HealthFacts>, string, string, string]>([
  ['a login under way', status('connecting', null, 'owner'), 'attention', 'login_running', 'owner'],
  [
    'trouble of the provider',
    status('degraded', 'provider_unavailable', 'nobody'),
    'attention',
    'provider_unavailable',
    'nobody',
  ],
  [
    'a key that is refused',
    status('degraded', 'provider_key_rejected', 'operator'),
    'attention',
    'provider_key_rejected',
    'operator',
  ],
  ['a token that ends soon', status('degraded', 'token_expiring', 'owner'), 'attention', 'token_expiring', 'owner'],
  [
    'a token that has ended',
    status('reconnect_required', 'token_expired', 'owner'),
    'broken',
    'token_expired',
    'owner',
  ],
  ['a lost login', status('reconnect_required', 'login_lost', 'owner'), 'broken', 'login_lost', 'owner'],
  ['a first login that failed', status('failed', 'wrong_credentials', 'owner'), 'broken', 'wrong_credentials', 'owner'],
  [
    'a webhook that is off',
    { webhook: { state: 'off', missing: [], isOnly: false } },
    'attention',
    'webhook_off',
    'nobody',
  ],
  [
    'one that goes elsewhere',
    { webhook: { state: 'elsewhere', missing: [], isOnly: false } },
    'attention',
    'webhook_elsewhere',
    'nobody',
  ],
  [
    'one that leaves events out',
    { webhook: { state: 'incomplete', missing: ['messages'], isOnly: true } },
    'attention',
    'webhook_incomplete',
    'nobody',
  ],
  [
    'one that is the only way, and off',
    { webhook: { state: 'off', missing: [], isOnly: true } },
    'broken',
    'webhook_off',
    'nobody',
  ],
  [
    'one that is registered by hand',
    { webhook: { state: 'off', missing: [], isOnly: true }, registersWebhook: false },
    'broken',
    'webhook_off',
    'operator',
  ],
  ['an unusual silence', { silence: { since: at, usualMs: 3_600_000 } }, 'attention', 'silent', 'operator'],
  ['details that are not sound', { detailsFaults: ['stale'] }, 'attention', 'details_faulty', 'nobody'],
  [
    'visits that fail',
    { visits: { failures: 3, reason: 'provider_unavailable' } },
    'attention',
    'provider_unavailable',
    'nobody',
  ],
  [
    'a sync that failed',
    { syncs: [{ kind: 'contacts', failures: 1, reason: 'unexpected', isStuck: false }] },
    'attention',
    'unexpected',
    'operator',
  ],
  [
    'a sync that does not get on',
    { syncs: [{ kind: 'contacts', failures: 0, reason: 'provider_unavailable', isStuck: true }] },
    'attention',
    'provider_unavailable',
    'nobody',
  ],
  ['work that is late', { overdue: [{ what: 'sync of contacts', since: at }] }, 'attention', 'overdue', 'operator'],
  [
    'a token that is not renewed',
    { token: { endsAt: at, failedRenewals: 2 } },
    'attention',
    'token_not_renewed',
    'nobody',
  ],
  [
    'messages that are held',
    { sends: { unclear: 0, holdsUntil: at, holdsFor: 'budget', stopped: null } },
    'attention',
    'sends_held',
    'nobody',
  ],
  [
    'sending that is stopped',
    { sends: { unclear: 0, holdsUntil: at, holdsFor: 'paused', stopped: 'Start it.' } },
    'attention',
    'sending_stopped',
    'operator',
  ],
  [
    'messages that are unclear',
    { sends: { unclear: 2, holdsUntil: null, holdsFor: null, stopped: null } },
    'attention',
    'outcome_unknown',
    'operator',
  ],
  ['events that failed', { failedEvents: 1 }, 'attention', 'events_failed', 'operator'],
])('names %s, and who must act', (_name, facts, verdict, code, who) => {
  const { codes, who: acts, ...found } = judged(facts);
  expect({ ...found, codes }).toMatchObject({ verdict, codes: [code] });
  expect(acts).toEqual([who]);
  expect(found.summary).toMatch(/^[A-Z1-9].*\.$/);
});

it('says of a lost login that none may begin yet', () => {
  const held = { ...status('reconnect_required', 'login_lost', 'owner'), loginsHeldUntil: at };
  expect(judged(held)).toMatchObject({ verdict: 'broken', codes: ['login_lost', 'attempt_budget_spent'] });
});

it('gives of each what to do, in words', () => {
  const facts: HealthFacts = {
    ...well,
    webhook: { state: 'off', missing: [], isOnly: true },
    silence: { since: at, usualMs: 9 * 3_600_000 },
    failedEvents: 3,
  };
  const reasons = reasonsOf(facts);
  for (const { text, whatToDo } of reasons) {
    expect(text).toMatch(/\.$/);
    expect(whatToDo).toMatch(/\.$/);
  }
  expect(reasons[1]?.text).toBe(
    'Nothing came since 2026-05-04T10:00:00.000Z; its longest usual silence is about 9 hours.',
  );
});

it('puts what is broken first, and says how much more there is', () => {
  const facts = {
    detailsFaults: ['stale'],
    failedEvents: 1,
    webhook: { state: 'off', missing: [], isOnly: true },
  } as const;
  const { verdict, codes, summary } = judged(facts);
  expect({ verdict, codes }).toEqual({ verdict: 'broken', codes: ['webhook_off', 'details_faulty', 'events_failed'] });
  expect(summary).toBe('The provider sends the account’s events nowhere. 2 more to look at.');
});

it('says nothing but the state of an account that does not work: the rest follows from it', () => {
  const lost = { ...status('reconnect_required', 'login_lost', 'owner'), silence: { since: at, usualMs: null } };
  expect(judged(lost)).toMatchObject({ verdict: 'broken', codes: ['login_lost'] });
  const gone = { ...status('disconnected', null, 'nobody'), failedEvents: 4 };
  expect(judged(gone)).toMatchObject({ verdict: 'inactive', codes: [] });
});
