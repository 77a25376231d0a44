import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';

/** The limit is 10,000 signals by default. gRPC's INVALID_ARGUMENT; only the message names the limit. */
export function hasSignalLimit(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one)) return one.code === 3 && /limit for signal/i.test(one.details);
  return false;
}

/** Terminates a run that takes no more signals. Its progress is in PostgreSQL; the run of the next signal continues. */
export async function endSignalledOut(client: Client, workflowId: string): Promise<void> {
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  try {
    // By run id: a run that another process has started meanwhile stays.
    await client.workflow
      .getHandle(workflowId, runId)
      .terminate('signal_limit: this run takes no more signals; a new run continues');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
