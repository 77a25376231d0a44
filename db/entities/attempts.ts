import { defineEntity, p } from '@mikro-orm/core';
import type { Who } from '../../domain/accounts.ts';
import type { Method } from '../../domain/channels.ts';
import type { StepKind, StepOutcome } from '../../domain/steps.ts';
import { Account } from './accounts.ts';

/** An `automatic` attempt does only what needs no owner. */
type AttemptTrigger = 'request' | 'automatic';
export type AttemptOperation = 'connect' | 'reconnect' | 'disconnect';
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
    /** Sealed JSON; dropped when the attempt ends. */
    input: p.text().strictNullable(),
    purge: p.boolean(),
    /** The login may be merged into an account of another owner. */
    mergeAcrossOwners: p.boolean(),
    startedAt: p.datetime(),
    deadlineAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
    reason: p.text().strictNullable(),
    detail: p.text().strictNullable(),
    who: p.text().$type<Who>().strictNullable(),
    cancelRequestedAt: p.datetime().strictNullable(),
    /** Committed before the provider is called: a retry then knows that a call may have been made. */
    intentAt: p.datetime().strictNullable(),
    providerAccountId: p.text().strictNullable(),
    /** Upstream ids of this attempt without an account: compensation deletes them. */
    undo: p.json().$type<string[]>(),
    answersLeft: p.integer(),
    checks: p.integer(),
    currentStepId: p.uuid().strictNullable(),
    redirects: p.json().$type<Redirects>().strictNullable(),
    /** When its run moves it next without a signal; null before the first step and once the attempt has ended. */
    wakeAt: p.datetime().strictNullable(),
    /** Sealed; dropped when the attempt ends. */
    callbackToken: p.text().strictNullable(),
    callbackUsedAt: p.datetime().strictNullable(),
    callbackHash: p.text().strictNullable(),
    runId: p.text().strictNullable(),
  },
});
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
    /** Sealed JSON; null for `done` and `failed`, and after the attempt's end. */
    content: p.text().strictNullable(),
    /** The step repeats one whose answer was refused. */
    again: p.boolean(),
    canResend: p.boolean(),
    canTryAnotherWay: p.boolean(),
    createdAt: p.datetime(),
    expiresAt: p.datetime().strictNullable(),
    answersLeft: p.integer(),
    /** The answer in flight or the last one, sealed; dropped once its outcome is known. */
    answer: p.text().strictNullable(),
    answerId: p.uuid().strictNullable(),
    answeredAt: p.datetime().strictNullable(),
    /** Committed before the answer is posted to the provider: after that it is never posted again. */
    sentAt: p.datetime().strictNullable(),
    /** Committed before a code is requested again or another way is tried: a retry of that request asks no second time. */
    moveId: p.uuid().strictNullable(),
    outcome: p.text().$type<StepOutcome>().strictNullable(),
    endedAt: p.datetime().strictNullable(),
  },
});
/** A repeated step is a new row. */
export class ConnectionStep extends ConnectionStepSchema.class {}
ConnectionStepSchema.setClass(ConnectionStep);
