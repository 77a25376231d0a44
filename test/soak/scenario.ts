import { setTimeout as sleep } from 'node:timers/promises';
import { newKey, type Caller } from './caller.ts';
import type { Owner } from './owner.ts';
import { drawOperation, type Person, type PlannedOperation } from './plan.ts';
import type { Draws } from './random.ts';

/** As far as the caller can know. */
export interface ScenarioResult {
  person: Person;
  accountId: string;
  last: 'connect' | PlannedOperation['kind'];
  /** The attempts in answers, each once. */
  attempts: Set<string>;
  /** Attempts that requests without a key and without an answer may have made. */
  unknown: number;
  requested: number;
  cancelled: number;
}

export interface ScenarioOptions {
  caller: Caller;
  owner: Owner;
  draws: Draws;
  /** Operations go on until then. */
  until: number;
  /** The average pause after an account has settled, in milliseconds. */
  restMs: number;
}

const credentialsOf = (person: Person): object | undefined =>
  person.method === 'credentials' ? { username: person.username, password: 'correct horse' } : undefined;

/** Connects an account and requests its operations, with its owner answering steps; returns after the last login's end. */
export async function runScenario(person: Person, options: ScenarioOptions): Promise<ScenarioResult> {
  const { caller, owner, draws, until } = options;
  const { channel, method } = person;
  // Without a key, a repetition would make a second account.
  const begun = await caller.send(
    'POST',
    '/api/v1/accounts',
    { provider: 'unipile', channel, method, owner: person.name, credentials: credentialsOf(person) },
    newKey(),
  );
  if (begun.status !== 202) throw new Error(`${person.name}: connecting answered ${JSON.stringify(begun.body)}`);
  const result: ScenarioResult = {
    person,
    accountId: begun.body.account.id,
    last: 'connect',
    attempts: new Set([begun.body.attempt.id]),
    unknown: 0,
    requested: 1,
    cancelled: 0,
  };
  for (let n = 0; n < person.operations.length || Date.now() < until; n += 1) {
    const operation = person.operations[n] ?? drawOperation(draws);
    await untilMoment(operation, result, options);
    if (operation.sync) await caller.send('POST', `/api/v1/accounts/${result.accountId}/syncs`, { kind: 'details' });
    await request(operation, result, caller, draws);
    if (!operation.cancelled) continue;
    await sleep(draws.between(0, 1_500));
    const { status } = await caller.send('POST', `/api/v1/accounts/${result.accountId}/attempt/cancel`);
    if (status === 202) result.cancelled += 1;
  }
  await owner.answerSteps(result.accountId);
  return result;
}

/** Waits for the moment at which the operation is to be requested. */
async function untilMoment(
  operation: PlannedOperation,
  { accountId }: ScenarioResult,
  { owner, draws, restMs }: ScenarioOptions,
): Promise<void> {
  if (operation.moment === 'midway') await owner.answerSteps(accountId, Date.now() + draws.between(300, 3_000));
  if (operation.moment !== 'settled') return;
  await owner.answerSteps(accountId, Date.now() + 25_000);
  await sleep(draws.between(0, 2 * restMs));
}

async function request(
  operation: PlannedOperation,
  result: ScenarioResult,
  caller: Caller,
  draws: Draws,
): Promise<void> {
  const path = `/api/v1/accounts/${result.accountId}`;
  const credentials = credentialsOf(result.person);
  // Forced: each request begins an attempt, whatever runs and however well the account works.
  const ask = (body: object) =>
    caller.send('POST', `${path}/reconnect`, { ...body, force: true }, operation.keyed ? newKey() : null);
  let answer =
    operation.kind === 'disconnect'
      ? await caller.send('DELETE', path)
      : await ask(credentials && draws.chance(0.5) ? { credentials } : {});
  // A disconnect deletes the stored credentials: send them again.
  if (answer.body?.code === 'invalid_credentials_shape') answer = await ask({ credentials });
  if (answer.status !== 202)
    throw new Error(`${result.person.name}: ${operation.kind} answered ${answer.status} ${answer.body?.code}`);
  result.last = operation.kind;
  result.requested += 1;
  result.attempts.add(answer.body.attempt.id);
  if (!operation.keyed || operation.kind === 'disconnect') result.unknown += answer.unanswered;
}
