import { Connection, isGrpcServiceError } from '@temporalio/client';
import { temporalAddress } from './client.ts';
import type { Config } from '../platform/config.ts';

/** Kinds of tasks, as Temporal numbers them. */
export const taskKinds = { workflow: 1, activity: 2 } as const;

/** A worker as Temporal last heard of it. */
interface Poller {
  identity: string;
  lastSeen: Date;
}

/** What the doctor asks of Temporal. Each question fails with gRPC's error. */
export interface TemporalView {
  /** Days for which closed runs are kept. */
  retentionDays(): Promise<number>;
  /** Names of the namespace's own search attributes. */
  searchAttributes(): Promise<string[]>;
  pollers(queue: string, kind: keyof typeof taskKinds): Promise<Poller[]>;
  close(): Promise<void>;
}

/** How long one question may take, in milliseconds. */
const deadlineMs = 4_000;

export function openTemporal(config: Config): TemporalView {
  const connection = Connection.lazy(temporalAddress(config));
  const namespace = config.TEMPORAL_NAMESPACE;
  const ask = <T>(question: () => Promise<T>): Promise<T> => connection.withDeadline(Date.now() + deadlineMs, question);
  return {
    retentionDays: () =>
      ask(async () => {
        const { config: found } = await connection.workflowService.describeNamespace({ namespace });
        return Number(found?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
      }),
    searchAttributes: () =>
      ask(async () => {
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
        return Object.keys(customAttributes);
      }),
    pollers: (queue, kind) =>
      ask(async () => {
        const { pollers } = await connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: queue },
          taskQueueType: taskKinds[kind],
        });
        return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
          identity: identity ?? '',
          lastSeen: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000),
        }));
      }),
    close: () => connection.close(),
  };
}

/** gRPC's codes that say: not there, not for you to ask, not offered. */
export const grpcCode = (error: unknown): number | null => (isGrpcServiceError(error) ? error.code : null);
