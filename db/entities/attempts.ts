import { defineEntity, p } from '@mikro-orm/core';
import type { Who } from '../../domain/accounts.ts';
import type { Method } from '../../domain/channels.ts';
import type { StepKind } from '../../domain/steps.ts';
import { Account } from './accounts.ts';

/** An `automatic` attempt does only what needs no owner. */
type AttemptTrigger = 'request' | 'automatic';
export type AttemptOperation = 'connect' | 'reconnect' | 'disconnect';
/** Addresses of the calling application. */
export interface Redirects {
  success?: string;
  failure?: string;
}
type AttemptState = 'running' | 'succeeded' | 'failed' | 'cancelled';

const ConnectionAttemptSchema = defineEntity({
  name: 'ConnectionAttempt',
  tableName: 'connection_attempts',
  uniques: [
    { name: 'connection_attempts_number', properties: ['accountId', 'number'] },
    { name: 'connection_attempts_callback_hash_unique', properties: ['callbackHash'] },
  ],
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** A relation, so that one unit of work inserts the account first. */
    accountId: () => p.manyToOne(Account).mapToPk().fieldName('account_id'),
    number: p.integer(),
    operation: p.text().$type<AttemptOperation>(),
    trigger: p.text().$type<AttemptTrigger>(),
    state: p.text().$type<AttemptState>(),
    method: p.text().$type<Method>(),
    /** Sealed JSON of the login's input; dropped when the attempt ends. */
    input: p.text().strictNullable(),
    purge: p.boolean(),
    startedAt: p.datetime(),
    deadlineAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
    reason: p.text().strictNullable(),
    detail: p.text().strictNullable(),
    who: p.text().$type<Who>().strictNullable(),
    cancelRequestedAt: p.datetime().strictNullable(),
    /** Committed before the provider is asked to begin a login, so that a retry knows that a call may have been made. */
    intentAt: p.datetime().strictNullable(),
    providerAccountId: p.text().strictNullable(),
    /** Upstream ids that this attempt made and that no account has: compensation deletes them. */
    undo: p.json().$type<string[]>(),
    answersLeft: p.integer(),
    checks: p.integer(),
    currentStepId: p.uuid().strictNullable(),
    /** Addresses to which the owner's browser returns after a login on the provider's page. */
    redirects: p.json().$type<Redirects>().strictNullable(),
    /** The token of the provider's callback, sealed; dropped when the attempt ends. */
    callbackToken: p.text().strictNullable(),
    callbackUsedAt: p.datetime().strictNullable(),
    /** Finds the attempt by its token, also after the token was dropped. */
    callbackHash: p.text().strictNullable(),
    /** The last run at Temporal that drove the attempt; null before the first. */
    runId: p.text().strictNullable(),
  },
});
/** A requested operation: a connect, reconnect or disconnect of an account, numbered per account. The newest one counts. */
export class ConnectionAttempt extends ConnectionAttemptSchema.class {}
ConnectionAttemptSchema.setClass(ConnectionAttempt);

const ConnectionStepSchema = defineEntity({
  name: 'ConnectionStep',
  tableName: 'connection_steps',
  uniques: [{ name: 'connection_steps_number', properties: ['attemptId', 'number'] }],
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    attemptId: p.uuid(),
    number: p.integer(),
    kind: p.text().$type<StepKind>(),
    /** Sealed JSON of the step's content; null for `done` and `failed`, and once the attempt has ended. */
    content: p.text().strictNullable(),
    /** The step repeats one whose answer was refused. */
    again: p.boolean(),
    canResend: p.boolean(),
    canTryAnotherWay: p.boolean(),
    createdAt: p.datetime(),
    expiresAt: p.datetime().strictNullable(),
    answersLeft: p.integer(),
    /** The answer in flight or the one that ended the step, sealed; dropped once its outcome is known. */
    answer: p.text().strictNullable(),
    answerId: p.uuid().strictNullable(),
    answeredAt: p.datetime().strictNullable(),
    /** Committed before the answer is posted to the provider: after that it is never posted again. */
    sentAt: p.datetime().strictNullable(),
    outcome: p.text().$type<'accepted' | 'refused' | 'unclear' | 'replaced'>().strictNullable(),
    endedAt: p.datetime().strictNullable(),
  },
});
/** One step of an attempt; a repeated step is a new row. */
export class ConnectionStep extends ConnectionStepSchema.class {}
ConnectionStepSchema.setClass(ConnectionStep);
