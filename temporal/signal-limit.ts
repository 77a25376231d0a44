import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';

/**
 * Whether a run has taken as many signals as a run may take (10,000 by the server's default): gRPC's INVALID_ARGUMENT;
 * only the server's message says which limit.
 */
export function hasSignalLimit(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one)) return one.code === 3 && /limit for signal/i.test(one.details);
  return false;
}

/**
 * Ends a workflow's run that takes no more signals, with a reason that the Temporal UI shows. Its progress is in
 * PostgreSQL, so the run that the next signal starts continues it.
 */
export async function endSignalledOut(client: Client, workflowId: string): Promise<void> {
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  try {
    // By run id: a run that another process has begun meanwhile stays.
    await client.workflow
      .getHandle(workflowId, runId)
      .terminate('signal_limit: this run takes no more signals; a new run continues');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
