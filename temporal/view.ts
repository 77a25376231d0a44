import { isGrpcServiceError } from '@temporalio/client';
import { temporalAddress } from './address.ts';
import { openConnection } from './connect.ts';
import type { Config } from '../platform/config.ts';

/** As Temporal numbers them. */
export const taskKinds = { workflow: 1, activity: 2 } as const;

interface Poller {
  identity: string;
  lastSeen: Date;
}

/** What the doctor reads from Temporal. Calls fail with gRPC's error. */
export interface TemporalView {
  /** How long closed runs are kept. */
  retentionDays(): Promise<number>;
  searchAttributes(): Promise<string[]>;
  pollers(queue: string, kind: keyof typeof taskKinds): Promise<Poller[]>;
  close(): Promise<void>;
}

const deadlineMs = 10_000;

export function openTemporal(config: Config): TemporalView {
  const connection = openConnection(temporalAddress(config));
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

export const grpcCode = (error: unknown): number | null => (isGrpcServiceError(error) ? error.code : null);
