import fc from 'fast-check';
import {
  accountStates,
  degradedPatienceMs,
  eventOfStatus,
  isWorking,
  needsCheck,
  nextCheckAt,
  reasonForLogin,
  transition,
  whoNames,
  type AccountEvent,
  type AccountStatus,
  type AccountState,
  type ProviderStatus,
} from '../../domain/accounts.ts';

const then = new Date('2026-05-04T10:00:00Z');
const soon = new Date(then.getTime() + 60_000);
const atLast = new Date(then.getTime() + degradedPatienceMs);

const status = (state: AccountState): AccountStatus => ({ state, reason: 'before', who: 'owner', since: then });

const events = {
  login_began: { type: 'login_began', at: soon },
  linked: { type: 'linked', at: soon },
  'degraded, a minute on': { type: 'degraded', at: soon, reason: 'the phone is offline' },
  'degraded for longer than allowed': { type: 'degraded', at: atLast, reason: 'the phone is offline' },
  key_refused: { type: 'key_refused', at: soon },
  webhooks_missed: { type: 'webhooks_missed', at: soon },
  webhooks_arrive: { type: 'webhooks_arrive', at: soon },
  token_expiring: { type: 'token_expiring', at: soon },
  token_expired: { type: 'token_expired', at: soon },
  token_renewed: { type: 'token_renewed', at: soon },
  login_lost: { type: 'login_lost', at: soon, reason: 'logged out' },
  'login_failed for good': { type: 'login_failed', at: soon, reason: 'expired', who: 'owner', resume: 'failed' },
  'login_failed, to be reconnected': {
    type: 'login_failed',
    at: soon,
    reason: 'expired',
    who: 'owner',
    resume: 'reconnect_required',
  },
  disconnected: { type: 'disconnected', at: soon },
  merged: { type: 'merged', at: soon },
} as const satisfies Record<string, AccountEvent>;

type Event = keyof typeof events;

/** The state after each event that changes something in every state. */
const everywhere = {
  login_began: 'connecting',
  linked: 'active',
  disconnected: 'disconnected',
  merged: 'disconnected',
} as const;

/** The state after each other event; what is not named leaves the same status object. */
const changes: Record<AccountState, Partial<Record<Exclude<Event, keyof typeof everywhere>, AccountState>>> = {
  connecting: { 'login_failed for good': 'failed', 'login_failed, to be reconnected': 'reconnect_required' },
  active: {
    'degraded, a minute on': 'degraded',
    'degraded for longer than allowed': 'degraded',
    key_refused: 'degraded',
    webhooks_missed: 'degraded',
    token_expiring: 'degraded',
    token_expired: 'reconnect_required',
    login_lost: 'reconnect_required',
  },
  degraded: {
    token_expired: 'reconnect_required',
    'degraded for longer than allowed': 'reconnect_required',
    key_refused: 'degraded',
    login_lost: 'reconnect_required',
  },
  reconnect_required: { login_lost: 'reconnect_required' },
  disconnected: {},
  failed: {},
};

const stays = null;
const cells = accountStates.flatMap((from) =>
  (Object.keys(events) as Event[]).map((event) => {
    const to: Partial<Record<Event, AccountState>> = { ...everywhere, ...changes[from] };
    return [from, event, to[event] ?? stays] as const;
  }),
);

it.each(cells)('from %s, %s leads to: %s', (from, event, to) => {
  const before = status(from);
  const after = transition(before, events[event]);
  if (to === stays) expect(after).toBe(before);
  else expect(after).toMatchObject({ state: to, since: events[event].at });
});

/** After an event that does not name the acting side itself. */
it.each([
  ['login_began', 'owner', null],
  ['linked', 'nobody', null],
  ['degraded, a minute on', 'nobody', 'the phone is offline'],
  ['key_refused', 'operator', 'provider_key_rejected'],
  ['webhooks_missed', 'nobody', 'webhooks_missed'],
  ['token_expiring', 'owner', 'token_expiring'],
  ['token_expired', 'owner', 'token_expired'],
  ['login_lost', 'owner', 'logged out'],
  ['login_failed for good', 'owner', 'expired'],
  ['disconnected', 'nobody', null],
  ['merged', 'nobody', 'same_identity'],
] as const)('after %s, %s must act; reason: %s', (event, who, reason) => {
  const before = events[event].type === 'login_failed' ? 'connecting' : 'active';
  expect(transition(status(before), events[event])).toMatchObject({ who, reason });
});

it('takes the acting side from a failed login', () => {
  const event: AccountEvent = { type: 'login_failed', at: soon, reason: 'no plan', who: 'operator', resume: 'failed' };
  expect(transition(status('connecting'), event).who).toBe('operator');
});

it('counts the time from the first report of trouble, however often it is repeated', () => {
  let account = transition(
    { ...status('active'), since: new Date(0) },
    { ...events['degraded, a minute on'], at: then },
  );
  for (let later = 60_000; later < degradedPatienceMs; later += 60_000) {
    account = transition(account, { type: 'degraded', at: new Date(then.getTime() + later), reason: 'again' });
    expect(account).toMatchObject({ state: 'degraded', since: then });
  }
  expect(transition(account, { type: 'degraded', at: atLast, reason: 'still' }).state).toBe('reconnect_required');
});

it('restarts the time after the account has worked in between', () => {
  const troubled = transition(status('active'), events['degraded, a minute on']);
  const well = transition(troubled, { type: 'linked', at: atLast });
  const again = transition(well, { type: 'degraded', at: new Date(atLast.getTime() + 1), reason: 'again' });
  expect(again.state).toBe('degraded');
});

describe('D4: an account whose token ends soon', () => {
  const expiring = transition(status('active'), events.token_expiring);

  it('works, and is checked as seldom as one that is active', () => {
    expect(isWorking(expiring)).toBe(true);
    expect(nextCheckAt(expiring, atLast)).toEqual(nextCheckAt({ ...expiring, state: 'active', reason: null }, atLast));
  });

  it('is healed by a renewal alone, before the end and after it', () => {
    expect(transition(expiring, { type: 'linked', at: atLast })).toBe(expiring);
    const expired = transition(expiring, events.token_expired);
    for (const one of [expiring, expired])
      expect(transition(one, { type: 'token_renewed', at: atLast })).toMatchObject({ state: 'active', reason: null });
    expect(transition(status('reconnect_required'), events.token_renewed)).toMatchObject({ reason: 'before' });
  });

  it('counts for more than webhooks that do not come', () => {
    const deaf = transition(status('active'), events.webhooks_missed);
    expect(transition(deaf, events.token_expiring)).toMatchObject({ reason: 'token_expiring', who: 'owner' });
    expect(transition(expiring, events.webhooks_missed)).toBe(expiring);
    expect(transition(expiring, events.webhooks_arrive)).toBe(expiring);
  });
});

describe('an account whose webhooks miss messages', () => {
  const deaf = transition(status('active'), events.webhooks_missed);

  it('works, and is checked as seldom as one that is active', () => {
    expect(deaf).toMatchObject({ state: 'degraded', reason: 'webhooks_missed', who: 'nobody' });
    expect(isWorking(deaf)).toBe(true);
    expect(isWorking(status('degraded'))).toBe(false);
    expect(nextCheckAt(deaf, atLast)).toEqual(nextCheckAt({ ...deaf, state: 'active', reason: null }, atLast));
  });

  it('is healed by webhooks that arrive, not by a status of the provider', () => {
    expect(transition(deaf, { type: 'linked', at: atLast })).toBe(deaf);
    expect(transition(deaf, { type: 'webhooks_arrive', at: atLast })).toMatchObject({ state: 'active', reason: null });
  });

  it('takes trouble of the provider, a refused key and a lost login as an active one does', () => {
    expect(transition(deaf, { type: 'degraded', at: atLast, reason: 'trouble' })).toMatchObject({
      reason: 'trouble',
      since: atLast,
    });
    expect(transition(deaf, events.key_refused)).toMatchObject({ reason: 'provider_key_rejected' });
    expect(transition(deaf, events.login_lost).state).toBe('reconnect_required');
    expect(transition(transition(deaf, events.login_began), { type: 'linked', at: atLast }).state).toBe('active');
  });
});

describe('any event', () => {
  const at = fc.integer({ min: 0, max: 10 * degradedPatienceMs }).map((ms) => new Date(then.getTime() + ms));
  const reason = fc.constantFrom('a', 'b');
  const who = fc.constantFrom(...whoNames);
  const resume = fc.constantFrom('failed' as const, 'reconnect_required' as const);
  const type = <T extends AccountEvent['type']>(name: T) => fc.constant(name);
  const anyEvent: fc.Arbitrary<AccountEvent> = fc.oneof(
    fc.record({ type: type('login_began'), at }),
    fc.record({ type: type('linked'), at }),
    fc.record({ type: type('degraded'), at, reason }),
    fc.record({ type: type('webhooks_missed'), at }),
    fc.record({ type: type('webhooks_arrive'), at }),
    fc.record({ type: fc.constantFrom('token_expiring', 'token_expired', 'token_renewed'), at }),
    fc.record({ type: type('login_lost'), at, reason }),
    fc.record({ type: type('login_failed'), at, reason, who, resume }),
    fc.record({ type: type('disconnected'), at }),
    fc.record({ type: type('merged'), at }),
  );
  const anyStatus: fc.Arbitrary<AccountStatus> = fc.record({
    state: fc.constantFrom(...accountStates),
    reason: fc.option(fc.constantFrom('a', 'b', 'webhooks_missed', 'token_expiring', 'token_expired')),
    who,
    since: at,
  });
  const always = (rule: (before: AccountStatus, event: AccountEvent, after: AccountStatus) => void) =>
    fc.assert(
      fc.property(anyStatus, anyEvent, (before, event) => rule(before, event, transition(before, event))),
      { numRuns: 1_000 },
    );

  it('gives the same result for the same input, and changes neither status nor event', () =>
    always((before, event, after) => {
      const frozen = Object.freeze({ ...before });
      expect(transition(frozen, Object.freeze({ ...event }))).toEqual(after);
    }));

  it('moves `since` to the moment of the event exactly when something changed', () =>
    always((before, event, after) => {
      if (after === before) return;
      expect(after.since).toBe(event.at);
      const { since: _before, ...was } = before;
      const { since: _after, ...is } = after;
      expect(is).not.toEqual(was);
    }));

  it('changes nothing when the same event comes twice', () =>
    always((_before, event, after) => {
      expect(transition(after, event)).toBe(after);
    }));

  it('never lets a status report change an account at rest', () =>
    always((before, event, after) => {
      const rests = before.state === 'disconnected' || before.state === 'failed';
      if (rests && (event.type === 'degraded' || event.type === 'login_lost')) expect(after).toBe(before);
    }));

  it('makes an account at rest work again only by a login', () =>
    always((before, event, after) => {
      const rests = before.state === 'disconnected' || before.state === 'failed';
      if (rests && (after.state === 'connecting' || after.state === 'active'))
        expect(['login_began', 'linked']).toContain(event.type);
    }));

  it('requires a long enough degradation before the owner must log in again', () =>
    always((before, event, after) => {
      if (event.type !== 'degraded' || after === before || after.state !== 'reconnect_required') return;
      expect(before.state).toBe('degraded');
      expect(event.at.getTime() - before.since.getTime()).toBeGreaterThanOrEqual(degradedPatienceMs);
    }));

  it('never lets a failed login change an account on which no login is awaited', () =>
    always((before, event, after) => {
      if (event.type === 'login_failed' && before.state !== 'connecting') expect(after).toBe(before);
    }));

  it('gives a reason exactly for states with trouble', () =>
    always((before, event, after) => {
      if (after === before) return;
      const wrong = event.type === 'merged' || ['degraded', 'reconnect_required', 'failed'].includes(after.state);
      expect(after.reason !== null).toBe(wrong);
    }));
});

describe('a status at the provider', () => {
  /** The account states in which a report is worth a check, and the state that it moves a working account to. */
  it.each([
    ['created', [], 'active'],
    ['pending', [], 'active'],
    ['synced', [], 'active'],
    ['unknown', [], 'active'],
    ['linked', ['degraded', 'reconnect_required'], 'active'],
    ['degraded', ['active', 'degraded'], 'degraded'],
    ['needs_restart', ['active', 'degraded'], 'degraded'],
    ['login_lost', ['active', 'degraded'], 'reconnect_required'],
    ['deleted', ['active', 'degraded'], 'reconnect_required'],
    ['not_found', ['active', 'degraded'], 'reconnect_required'],
  ] as [ProviderStatus, AccountState[], AccountState][])('%s is checked in: %j', (reported, checked, leadsTo) => {
    expect(accountStates.filter((state) => needsCheck(reported, state, false))).toEqual(checked);
    const event = eventOfStatus(reported, soon);
    expect(event ? transition(status('active'), event).state : 'active').toBe(leadsTo);
    // While a login runs, every status with an effect may decide it.
    expect(needsCheck(reported, 'connecting', true)).toBe(event !== null);
  });

  it('gives the reason why an account cannot be revived without its owner', () => {
    expect(reasonForLogin('not_found')).toBe('account_gone');
    expect(reasonForLogin('needs_restart')).toBe('login_lost');
    expect(reasonForLogin('pending')).toBe('login_lost');
    expect(reasonForLogin('login_lost', 'permission_missing')).toBe('permission_missing');
    expect(reasonForLogin('linked', 'permission_missing')).toBe('login_lost');
  });
});

describe('the next check of an account of which nothing is reported', () => {
  const minutes = (state: AccountState, lasted: number): number | null => {
    const at = new Date(then.getTime() + lasted * 60_000);
    const next = nextCheckAt({ state, reason: null, since: then }, at);
    return next && (next.getTime() - at.getTime()) / 60_000;
  };

  it.each([
    ['active', 0, 25 * 60],
    ['active', 100_000, 25 * 60],
    ['degraded', 0, 5],
    ['degraded', 20, 5],
    ['reconnect_required', 0, 5],
    ['reconnect_required', 5, 5],
    ['reconnect_required', 10, 10],
    ['reconnect_required', 20, 20],
    ['reconnect_required', 100_000, 6 * 60],
    ['connecting', 0, null],
    ['disconnected', 0, null],
    ['failed', 0, null],
  ] as const)('%s for %i minutes: in %s minutes', (state, lasted, next) => {
    expect(minutes(state, lasted)).toBe(next);
  });

  it('of one whose login is lost is made fewer than a dozen times in its first day', () => {
    let checks = 0;
    for (let at = nextCheckAt({ state: 'reconnect_required', reason: null, since: then }, then); at; checks += 1) {
      if (at.getTime() - then.getTime() > 86_400_000) break;
      at = nextCheckAt({ state: 'reconnect_required', reason: null, since: then }, at);
    }
    expect(checks).toBeLessThan(12);
  });
});
