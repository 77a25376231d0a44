import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { createDataConverter } from '../../temporal/codec.ts';
import { bundleWorkflows } from '../../workers/workflow-bundle.ts';
import { testKeys } from '../support/key.ts';

export interface Command {
  kind: string;
  name: string;
  input: unknown;
}

/** With an observer inside. */
export const bundle = (): Promise<WorkflowBundle> =>
  bundleWorkflows({ workflowInterceptorModules: [fileURLToPath(new URL('./observe.ts', import.meta.url))] });

/**
 * Throws when today's code differs from the history. Returns its commands: Temporal's own check does not compare
 * inputs, options and timer lengths.
 */
export async function replay(workflowBundle: WorkflowBundle, json: string, workflowId: string): Promise<Command[]> {
  const commands: Command[] = [];
  await Worker.runReplayHistory(
    {
      workflowBundle,
      dataConverter: createDataConverter(async () => testKeys),
      replayName: workflowId,
      sinks: {
        observer: {
          asked: {
            callDuringReplay: true,
            fn: (_info, command: Command) => void commands.push(command),
          },
        },
      },
    },
    historyFromJSON(JSON.parse(json)),
    workflowId,
  );
  return commands;
}
