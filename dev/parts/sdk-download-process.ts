// Makes the Temporal SDK download a server by starting and stopping it once. A process of its own: the SDK's native
// download can be neither cancelled nor given a time limit.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [kind, version, downloadDir] = process.argv.slice(2);
const executable = { type: 'cached-download', version, downloadDir } as const;
const environment =
  kind === 'dev-server'
    ? await TestWorkflowEnvironment.createLocal({ server: { executable } })
    : await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
await environment.teardown();
