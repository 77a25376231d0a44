import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { searchAttributes } from '../domain/search-attributes.ts';

/**
 * Registers the search attributes that a namespace lacks. Temporal Cloud manages them elsewhere and refuses the
 * question: there they are its operator's to make.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { operatorService } = connection;
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const lacking = Object.values(searchAttributes).filter(({ name }) => !Object.hasOwn(customAttributes, name));
    if (!lacking.length) return;
    const types = Object.fromEntries(lacking.map(({ name }) => [name, keyword]));
    await operatorService.addSearchAttributes({ namespace, searchAttributes: types });
  } catch (error) {
    // Another process was faster, or it is not for us to do.
    if (!(isGrpcServiceError(error) && [6, 7, 12].includes(error.code))) throw error;
  }
}

/** INDEXED_VALUE_TYPE_KEYWORD; Node cannot import the enumeration by name. */
const keyword = 2;

/** Whether a start failed for want of them: gRPC's INVALID_ARGUMENT; the server says what it lacks in words only. */
export function lacksSearchAttributes(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one) && one.code === 3 && /search attribute/i.test(one.details)) return true;
  return false;
}
