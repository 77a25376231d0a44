import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor, ActivityInterceptors } from '@temporalio/worker';
import { heartbeat } from '../activities/heartbeat.ts';
import { failureRow, ProviderFailure } from '../domain/failures.ts';
import type { Log } from '../platform/log.ts';

const heartbeatEveryMs = 5_000;

/** Heartbeats, translation of errors, and log lines with account and tenant. */
export const activityInterceptors =
  (log: Log) =>
  (context: Context): ActivityInterceptors => {
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        const { tenantId, accountId, attempt } = (input.args[0] ?? {}) as Record<string, unknown>;
        const fields = { activity: context.info.activityType, tenant: tenantId, account: accountId, attempt };
        const heartbeats = setInterval(heartbeat, heartbeatEveryMs, context);
        try {
          const result = await next(input);
          log.debug(fields, 'activity done');
          return result;
        } catch (error) {
          log.warn({ ...fields, try: context.info.attempt, err: error }, 'activity failed');
          throw translate(error);
        } finally {
          clearInterval(heartbeats);
        }
      },
    };
    return { inbound };
  };

/**
 * A provider's failure has its code as type and is retried as the failure table says. Any other error is retried
 * without its message, which may quote a value.
 */
function translate(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof ProviderFailure) {
    const { action } = failureRow(error.code);
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: action !== 'retry' && action !== 'wait',
      nextRetryDelay: error.retryAfterMs,
    });
  }
  const name = error instanceof Error ? error.name : 'unknown';
  return ApplicationFailure.create({ type: 'unexpected', message: `${name}: see the worker's log.` });
}
