import { whoNames } from '../../domain/accounts.ts';
import { asFailureCode, failureRow, failures, ProviderFailure, type FailureCode } from '../../domain/failures.ts';

const codes = Object.keys(failures) as FailureCode[];

describe.each(codes)('%s', (code) => {
  const row = failureRow(code);

  it('names the acting side', () => expect(whoNames).toContain(row.who));

  it('names the action of a workflow', () =>
    expect(['retry', 'wait', 'reconnect', 'ask_again', 'give_up']).toContain(row.action));

  it('describes the remedy in whole sentences of one line', () => {
    expect(row.whatToDo).toMatch(/^[A-Z][^\n]+\.$/);
    expect(row.whatToDo.length).toBeLessThan(160);
  });
});

it('asks for no action on failures that pass by waiting', () => {
  for (const code of codes) if (failureRow(code).action === 'wait') expect(failureRow(code).who).toBe('nobody');
});

it('asks only the owner for a new login or another answer', () => {
  for (const code of codes)
    if (['reconnect', 'ask_again'].includes(failureRow(code).action)) expect(failureRow(code).who).toBe('owner');
});

describe('a stored text', () => {
  it.each(codes)('reads as its failure: %s', (code) => expect(asFailureCode(code)).toBe(code));

  it.each(['', 'a_code_of_a_newer_version', 'toString', '__proto__', 'constructor'])(
    'reads as unexpected when it names no failure: "%s"',
    (text) => expect(asFailureCode(text)).toBe('unexpected'),
  );
});

describe('a failure thrown by a provider', () => {
  it('has no effect by default', () => {
    expect(new ProviderFailure('login_lost', 'logged out').effect).toBe('none');
    expect(new ProviderFailure('provider_unavailable', 'timeout', { effect: 'unknown' }).effect).toBe('unknown');
  });

  it('carries its code, its detail and the requested pause', () => {
    const failure = new ProviderFailure('rate_limited', 'slow down', { retryAfterMs: 7_000 });
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject({
      name: 'ProviderFailure',
      code: 'rate_limited',
      message: 'slow down',
      retryAfterMs: 7_000,
    });
  });
});
