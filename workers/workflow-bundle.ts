import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type BundleOptions, type WorkflowBundle } from '@temporalio/worker';
import { ConfigError, type Config } from '../platform/config.ts';
import { failureConverterPath } from '../temporal/codec.ts';

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

const nothing = (): void => undefined;
const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** The code that a worker runs, as a worker without `WORKFLOW_BUNDLE` makes it at its start. */
export const bundleWorkflows = (more: Partial<BundleOptions> = {}): Promise<WorkflowBundle> =>
  bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: quiet, ...more });

/** A worker's option: the bundle of `WORKFLOW_BUNDLE`, else the sources. Throws `ConfigError` for an unreadable file. */
export function workflowCode({ WORKFLOW_BUNDLE: file }: Pick<Config, 'WORKFLOW_BUNDLE'>) {
  if (file === undefined) return { workflowsPath };
  try {
    return { workflowBundle: { code: readFileSync(file, 'utf8') } };
  } catch (error) {
    throw new ConfigError(`WORKFLOW_BUNDLE is wrong: ${(error as Error).message}`);
  }
}
