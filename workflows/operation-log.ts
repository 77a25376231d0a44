import type { NextOperation, Progress } from '../domain/attempts.ts';
import type { FailureCode } from '../domain/failures.ts';

/** One operation that a run carried out. */
interface OperationResult {
  /** `superseded`: an attempt was closed for a newer one. `removed`: the account is not in the database. */
  operation: 'connect' | 'reconnect' | 'disconnect' | 'superseded' | 'removed' | 'check' | 'compensation';
  attempt: number;
  /** `open`: it could not be ended; the reconciler continues it. */
  outcome: 'succeeded' | 'failed' | 'cancelled' | 'open';
  reason: FailureCode | null;
}

/** The result of a connection run. */
export interface ConnectionResult {
  /** The last ones, oldest first. None where nothing was requested. */
  operations: OperationResult[];
  /** How many there were before these. */
  earlier: number;
  /** The account's state at the end. */
  account: string;
}

/** Operations that a result names: a run that many signals keep going has many. */
const named = 10;

export function createOperationLog() {
  const operations: OperationResult[] = [];
  let earlier = 0;
  return {
    add: (operation: NextOperation, { attempt, outcome, reason }: Progress): void => {
      if (operation.kind === 'none' && operation.owes === 'nothing') return;
      operations.push({ operation: nameOf(operation), attempt, outcome: outcome ?? 'open', reason });
      if (operations.length <= named) return;
      operations.shift();
      earlier += 1;
    },
    result: (account: string): ConnectionResult => ({ operations, earlier, account }),
  };
}

function nameOf(operation: NextOperation): OperationResult['operation'] {
  if (operation.kind !== 'none') return operation.kind;
  return operation.owes === 'compensation' ? 'compensation' : 'check';
}
