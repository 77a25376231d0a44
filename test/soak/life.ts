import { setTimeout as sleep } from 'node:timers/promises';
import { newKey, type Caller } from './caller.ts';
import type { Owner } from './owner.ts';
import { drawWish, type Person, type NextOperation } from './plan.ts';
import type { Draws } from './random.ts';

/** What became of a person's wishes, as far as the caller can know. */
export interface Lived {
  person: Person;
  accountId: string;
  /** The last wish that was taken. */
  last: 'connect' | NextOperation['kind'];
  /** The attempts that answers named, each once. */
  attempts: Set<string>;
  /** Attempts that requests without a key and without an answer may have made. */
  unknown: number;
  made: number;
  cancelled: number;
}

export interface Living {
  caller: Caller;
  owner: Owner;
  draws: Draws;
  /** Wishes go on until then. */
  until: number;
  /** How long an account that has settled is left alone on average, in milliseconds. */
  restMs: number;
}

const credentialsOf = (person: Person): object | undefined =>
  person.method === 'credentials' ? { username: person.username, password: 'correct horse' } : undefined;

/** Connects an account, then wishes it this and that, its owner playing along; returns when its last login has ended. */
export async function live(person: Person, living: Living): Promise<Lived> {
  const { caller, owner, draws, until } = living;
  const { channel, method } = person;
  // Without a key, a repeat of this would be another account.
  const begun = await caller.send(
    'POST',
    '/api/v1/accounts',
    { provider: 'unipile', channel, method, owner: person.name, credentials: credentialsOf(person) },
    newKey(),
  );
  if (begun.status !== 202) throw new Error(`${person.name}: connecting answered ${JSON.stringify(begun.body)}`);
  const lived: Lived = {
    person,
    accountId: begun.body.account.id,
    last: 'connect',
    attempts: new Set([begun.body.attempt.id]),
    unknown: 0,
    made: 1,
    cancelled: 0,
  };
  for (let n = 0; n < person.wishes.length || Date.now() < until; n += 1) {
    const wish = person.wishes[n] ?? drawWish(draws);
    await before(wish, lived, living);
    if (wish.sync) await caller.send('POST', `/api/v1/accounts/${lived.accountId}/syncs`, { kind: 'details' });
    await make(wish, lived, caller, draws);
    if (!wish.cancelled) continue;
    await sleep(draws.between(0, 1_500));
    const { status } = await caller.send('POST', `/api/v1/accounts/${lived.accountId}/attempt/cancel`);
    if (status === 202) lived.cancelled += 1;
  }
  await owner.play(lived.accountId);
  return lived;
}

/** Until the wish's moment has come. */
async function before(wish: NextOperation, { accountId }: Lived, { owner, draws, restMs }: Living): Promise<void> {
  if (wish.moment === 'midway') await owner.play(accountId, Date.now() + draws.between(300, 3_000));
  if (wish.moment !== 'settled') return;
  await owner.play(accountId, Date.now() + 25_000);
  await sleep(draws.between(0, 2 * restMs));
}

async function make(wish: NextOperation, lived: Lived, caller: Caller, draws: Draws): Promise<void> {
  const path = `/api/v1/accounts/${lived.accountId}`;
  const credentials = credentialsOf(lived.person);
  const ask = (body: object) => caller.send('POST', `${path}/reconnect`, body, wish.keyed ? newKey() : null);
  let answer =
    wish.kind === 'disconnect'
      ? await caller.send('DELETE', path)
      : await ask(credentials && draws.chance(0.5) ? { credentials } : {});
  // A login that a disconnect has made us forget has to be given again.
  if (answer.body?.code === 'invalid_credentials_shape') answer = await ask({ credentials });
  if (answer.status !== 202)
    throw new Error(`${lived.person.name}: ${wish.kind} answered ${answer.status} ${answer.body?.code}`);
  lived.last = wish.kind;
  lived.made += 1;
  lived.attempts.add(answer.body.attempt.id);
  if (!wish.keyed || wish.kind === 'disconnect') lived.unknown += answer.unanswered;
}
