import { answerable, instructions, polled, stepKinds, stepText, type StepContent } from '../../domain/steps.ts';

/** Every value that a text must not contain is "secret". */
const examples: { [K in StepContent['kind']]: Extract<StepContent, { kind: K }> } = {
  redirect: { kind: 'redirect', url: 'https://login.example/secret' },
  qr: { kind: 'qr', text: '2@secret' },
  code: { kind: 'code', source: 'sms', length: 6 },
  phone: { kind: 'phone' },
  approve: { kind: 'approve' },
  captcha: { kind: 'captcha', publicKey: 'secret', data: 'secret' },
  choose: { kind: 'choose', options: [{ id: 'secret', label: 'secret' }] },
  wait: { kind: 'wait', for: 'the provider' },
};

it('has an example of every kind except the two ends', () => {
  expect([...Object.keys(examples), 'done', 'failed'].sort()).toEqual([...stepKinds].sort());
});

describe.each(Object.values(examples))('the step $kind', (content) => {
  it.each([false, true])('has instructions in one line of whole sentences (asked again: %s)', (again) =>
    expect(instructions(content, again)).toMatch(/^[A-Z][^\n]+\.$/),
  );

  it('has instructions without its content', () => expect(instructions(content, true)).not.toContain('secret'));

  it.each([false, true])('has a timeline text without its content (replaced: %s)', (replaced) => {
    expect(stepText(content, replaced)).toMatch(/^[A-Z][^\n]+\.$/);
    expect(stepText(content, replaced)).not.toContain('secret');
  });
});

it.each([
  ['sms', 'SMS'],
  ['app', 'authenticator app'],
  ['mail', 'mail'],
  ['unknown', 'the service'],
] as const)('names the source of a code from "%s"', (source, words) =>
  expect(instructions({ kind: 'code', source }, false)).toContain(words),
);

it.each(['code', 'phone'] as const)('reports that the last %s was refused when the step is repeated', (kind) => {
  expect(instructions(examples[kind], true)).toMatch(/not accepted/);
  expect(instructions(examples[kind], false)).not.toMatch(/not accepted/);
});

it('ends every kind of step: by an answer, by polling, or by the provider itself', () => {
  expect([...answerable].sort()).toEqual(['captcha', 'choose', 'code', 'phone']);
  expect([...polled].sort()).toEqual(['approve', 'captcha', 'wait']);
});
