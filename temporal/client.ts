import {
  Client,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { patienceMs } from '../domain/attempts.ts';
import {
  bulkWorkflowId,
  connectionWorkflowId,
  erasureWorkflowId,
  sendWorkflowId,
  startSyncsWorkflowId,
  syncWorkflowId,
} from '../domain/workflow-ids.ts';
import {
  currentStep,
  refresh,
  submitStep,
  type BulkInput,
  type Cause,
  type ConnectionInput,
  type ErasePersonInput,
  type StartSyncsInput,
  type StepAction,
  type StepRef,
} from '../workflows/messages.ts';
import { temporalAddress } from './address.ts';
import { openConnection } from './connect.ts';
import { createDataConverter } from './codec.ts';
import { contactsEveryMs, type Config } from '../platform/config.ts';
import {
  ensureSchedules,
  triggerAnalytics,
  triggerMaintenance,
  triggerPlatforms,
  triggerReminders,
  triggerTokens,
} from './schedules.ts';
import { ensureSearchAttributes, lacksSearchAttributes } from './search-attributes.ts';
import { endSignalledOut, hasSignalLimit } from './signal-limit.ts';
import { createStartOptions, type StartOptions, type TenantName } from './start-options.ts';
import { isTemporalDown } from './unreachable.ts';
import type { Keyset } from '../platform/keyset.ts';

export interface AccountRef extends ConnectionInput {
  channel: string;
  provider: string;
}

/** The requested operation is in PostgreSQL before any of these calls. The Temporal UI shows their cause. */
export interface TemporalClient {
  /** Signals the account's run, or starts one. Throws when Temporal does not accept it in time. */
  signalConnection(account: AccountRef, cause: Cause, deadlineMs?: number): Promise<void>;
  /** The same, but no signal where the run has not read the last one yet: repeats without a worker cost it nothing. */
  remindConnection(account: AccountRef, cause: Cause, deadlineMs: number): Promise<void>;
  /** The step of an attempt; null when there was none in time. */
  currentStep(account: AccountRef, attempt: number): Promise<StepRef | null>;
  /** `refused` when the run rejects the action; null when no outcome came in time. */
  submitStep(account: AccountRef, action: StepAction): Promise<{ ref: StepRef } | { refused: string } | null>;
  /** Starts the details sync, or makes a running one repeat; with `join` false a running one is left alone. */
  startSyncDetails(account: AccountRef, cause: Cause, join?: boolean): Promise<void>;
  /** The same for the contacts sync of a scope. */
  startSyncContacts(account: AccountRef, scope: string, cause: Cause, join?: boolean): Promise<void>;
  /** The same for the sync of conversations. */
  startSyncConversations(account: AccountRef, scope: string, cause: Cause, join?: boolean): Promise<void>;
  /** Starts a workflow that starts all syncs of a kind that a tenant has opened; a running one does it once more. */
  startOpenedSyncs(syncs: StartSyncsInput, cause: Cause): Promise<void>;
  /** Has the queue of an account drained: starts its run, or signals the one that is there. */
  startSends(account: AccountRef, cause: Cause): Promise<void>;
  /** Does nothing where the erasure is running. */
  startErasure(erasure: ErasePersonInput, cause: Cause): Promise<void>;
  /** Starts the workflow of a bulk operation, or has the running one look at it; `kind` is shown. */
  startBulk(bulk: BulkInput, kind: string, cause: Cause): Promise<void>;
  ensureSchedules(isPaused: boolean): Promise<void>;
  /** Runs the maintenance now, or once more after the present run. */
  runMaintenance(): Promise<void>;
  /** Counts analytics now, or once more after the present run. */
  runAnalytics(): Promise<void>;
  /** Renews tokens now, or once more after the run that is under way; not while that is paused. */
  runTokens(): Promise<boolean>;
  /** The same of the sweep of platforms; false where that is paused. */
  runPlatforms(): Promise<boolean>;
  /** The same for reminders of owners. */
  runReminders(): Promise<boolean>;
  /** Registers missing search attributes: new ones, or all after a loss of Temporal's database. */
  ensureSearchAttributes(): Promise<void>;
  /** A run's page in the Temporal UI, by default the newest run's; null where no UI is known. */
  historyUrl(workflowId: string, runId: string | null): string | null;
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** A signal after a webhook must not delay the acknowledgement. */
const signalDeadlineMs = 1_000;

/** Connects at first use, so that a process starts while Temporal is down. */
export function openTemporalClient(
  config: Config,
  keysOfInstallation: () => Promise<Keyset>,
  tenantName: TenantName,
): TemporalClient {
  const connection = openConnection(temporalAddress(config));
  const client = new Client({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    dataConverter: createDataConverter(keysOfInstallation),
  });
  const taskQueue = config.TEMPORAL_TASK_QUEUE;

  const startOptions = createStartOptions(taskQueue, tenantName);
  const accountOptions = (account: AccountRef, kind: string, cause: Cause) =>
    startOptions(account, kind, `${kind} of a ${account.channel} account through ${account.provider}`, cause);
  const connectionOptions = async (account: AccountRef, cause: Cause) => ({
    ...(await accountOptions(account, 'connection', cause)),
    workflowId: connectionWorkflowId(account.accountId),
    args: [{ tenantId: account.tenantId, accountId: account.accountId }],
  });
  const ensure = (): Promise<void> =>
    client.withDeadline(Date.now() + 5_000, () => ensureSearchAttributes(connection, config.TEMPORAL_NAMESPACE));
  // Registers missing search attributes when a start fails for them, and starts again.
  const starting = async <T>(start: () => Promise<T>): Promise<T> => {
    try {
      return await start();
    } catch (error) {
      if (!lacksSearchAttributes(error)) throw error;
      await ensure();
      return start();
    }
  };
  // A run that takes no more signals is replaced by a new one.
  const signal = async (
    type: string,
    options: StartOptions & { workflowId: string; args: unknown[] },
    cause: Cause,
  ): Promise<void> => {
    const signalled = { ...options, signal: refresh, signalArgs: [cause] as [Cause] };
    try {
      await client.workflow.signalWithStart(type, signalled);
    } catch (error) {
      if (!hasSignalLimit(error)) throw error;
      await endSignalledOut(client, options.workflowId);
      await client.workflow.signalWithStart(type, signalled);
    }
  };
  const signalConnection = (account: AccountRef, cause: Cause, deadlineMs = signalDeadlineMs): Promise<void> =>
    starting(() =>
      client.withDeadline(Date.now() + deadlineMs, async () =>
        signal('connection', await connectionOptions(account, cause), cause),
      ),
    );
  /** Whether a run has something to read that no worker has taken yet, or that fails each time. */
  const hasUnread = async (workflowId: string): Promise<boolean> => {
    try {
      const { status, raw } = await client.workflow.getHandle(workflowId).describe();
      return status.name === 'RUNNING' && Boolean(raw.pendingWorkflowTask);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };

  const startOrSignal = async (
    type: string,
    options: StartOptions & { workflowId: string; args: unknown[] },
    cause: Cause,
    join = true,
  ): Promise<void> => {
    try {
      await client.workflow.start(type, { ...options, workflowIdConflictPolicy: 'FAIL' });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (join) await signal(type, options, cause);
    }
  };
  // A running sync is signalled: it may end without the newest request. A signal with every start costs an event each.
  const startOrJoin = async (
    type: string,
    account: AccountRef,
    kind: string,
    more: { scope?: string; heartbeatSeconds?: number },
    cause: Cause,
    join: boolean,
  ): Promise<void> => {
    const options = {
      ...(await accountOptions(account, `sync_${kind}`, cause)),
      workflowId: syncWorkflowId(kind, account.accountId, more.scope),
      args: [{ tenantId: account.tenantId, accountId: account.accountId, ...more }],
    };
    await startOrSignal(type, options, cause, join);
  };
  const startSync = (...sync: Parameters<typeof startOrJoin>): Promise<void> =>
    starting(() => client.withDeadline(Date.now() + signalDeadlineMs * 3, () => startOrJoin(...sync)));

  return {
    signalConnection,
    remindConnection: async (account, cause, deadlineMs) => {
      const ends = Date.now() + deadlineMs;
      const isUnread = await client.withDeadline(ends, () => hasUnread(connectionWorkflowId(account.accountId)));
      if (!isUnread) await signalConnection(account, cause, Math.max(ends - Date.now(), 1));
    },
    currentStep: async (account, attempt) => {
      const ask = async () =>
        client.workflow.executeUpdateWithStart(currentStep, {
          args: [attempt],
          startWorkflowOperation: new WithStartWorkflowOperation('connection', {
            ...(await connectionOptions(account, 'api')),
            workflowIdConflictPolicy: 'USE_EXISTING',
          }),
        });
      try {
        return await inTime(() => starting(() => client.withDeadline(Date.now() + patienceMs, ask)));
      } catch (error) {
        // The run was cancelled or terminated meanwhile: what the rows say by now is the answer.
        if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
    submitStep: async (account, action) => {
      const submit = () =>
        client.withDeadline(Date.now() + patienceMs, () =>
          client.workflow
            .getHandle(connectionWorkflowId(account.accountId))
            .executeUpdate(submitStep, { args: [action], updateId: action.answerId }),
        );
      try {
        const ref = await inTime(async () => {
          try {
            return await submit();
          } catch (error) {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
            // The run was lost with Temporal's database. PostgreSQL has the step, so a new run continues.
            await signalConnection(account, 'api', patienceMs);
            return submit();
          }
        });
        return ref && { ref };
      } catch (error) {
        if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
          return { refused: error.cause.type ?? 'stale_step' };
        // The new run ended before it took the action: what the rows say by now is the answer.
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
    startSyncDetails: (account, cause, join = true) => startSync('syncDetails', account, 'details', {}, cause, join),
    startSyncContacts: (account, scope, cause, join = true) => {
      const more = { scope, heartbeatSeconds: config.SYNC_HEARTBEAT_SECONDS };
      return startSync('syncContacts', account, 'contacts', more, cause, join);
    },
    startSyncConversations: (account, scope, cause, join = true) => {
      const more = { scope, heartbeatSeconds: config.SYNC_HEARTBEAT_SECONDS };
      return startSync('syncConversations', account, 'conversations', more, cause, join);
    },
    startOpenedSyncs: (syncs, cause) =>
      starting(() =>
        client.withDeadline(Date.now() + signalDeadlineMs * 3, async () => {
          const summary = `start of the syncs of ${syncs.kind} that a tenant requested`;
          const options = {
            ...(await startOptions(syncs, 'start_syncs', summary, cause)),
            workflowId: startSyncsWorkflowId(syncs.kind, syncs.tenantId),
            args: [syncs],
          };
          await signal('startSyncs', options, cause);
        }),
      ),
    startSends: (account, cause) =>
      starting(() =>
        client.withDeadline(Date.now() + signalDeadlineMs * 2, async () => {
          const options = {
            ...(await accountOptions(account, 'send', cause)),
            workflowId: sendWorkflowId(account.accountId),
            args: [{ tenantId: account.tenantId, accountId: account.accountId }],
          };
          await startOrSignal('sendMessages', options, cause);
        }),
      ),
    startErasure: (erasure, cause) =>
      starting(() =>
        client.withDeadline(Date.now() + signalDeadlineMs * 3, async () => {
          await client.workflow.start('erasePerson', {
            ...(await startOptions(erasure, 'erase_person', 'erasure of a person', cause)),
            workflowId: erasureWorkflowId(erasure.erasureId),
            workflowIdConflictPolicy: 'USE_EXISTING',
            args: [erasure],
          });
        }),
      ),
    startBulk: (bulk, kind, cause) =>
      starting(() =>
        client.withDeadline(Date.now() + signalDeadlineMs * 3, async () => {
          const options = {
            ...(await startOptions(bulk, 'bulk_operation', `${kind} of many accounts`, cause)),
            workflowId: bulkWorkflowId(bulk.operationId),
            args: [bulk],
          };
          await signal('bulkOperation', options, cause);
        }),
      ),
    ensureSchedules: (isPaused) =>
      client.withDeadline(Date.now() + 5_000, () =>
        ensureSchedules(client, taskQueue, {
          contactsEveryMs: contactsEveryMs(config),
          contactsOn: config.WASENDER_AUTO_SYNC_ENABLED,
          platformsOn: config.PLATFORM_SYNC_ENABLED,
          isPaused,
        }),
      ),
    runMaintenance: () =>
      client.withDeadline(Date.now() + signalDeadlineMs, () => triggerMaintenance(client, taskQueue)),
    runPlatforms: () => client.withDeadline(Date.now() + signalDeadlineMs, () => triggerPlatforms(client, taskQueue)),
    runAnalytics: () => client.withDeadline(Date.now() + signalDeadlineMs, () => triggerAnalytics(client, taskQueue)),
    runTokens: () => client.withDeadline(Date.now() + signalDeadlineMs, () => triggerTokens(client, taskQueue)),
    runReminders: () => client.withDeadline(Date.now() + signalDeadlineMs, () => triggerReminders(client, taskQueue)),
    ensureSearchAttributes: ensure,
    historyUrl: (workflowId, runId) => {
      if (!config.TEMPORAL_UI_URL) return null;
      const path = [workflowId, runId ?? []].flat().map(encodeURIComponent).join('/');
      return `${config.TEMPORAL_UI_URL}/namespaces/${config.TEMPORAL_NAMESPACE}/workflows/${path}`;
    },
    ping: async () => {
      try {
        await client.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
    close: () => connection.close(),
  };
}

/** Null when no answer came in time: the request is stored, so nothing is lost. */
async function inTime<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isTemporalDown(error)) return null;
    throw error;
  }
}
