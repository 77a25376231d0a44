import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { searchAttributes } from '../domain/search-attributes.ts';

/** Registers missing search attributes. Temporal Cloud refuses the call: there the operator registers them. */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { operatorService } = connection;
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const lacking = Object.values(searchAttributes).filter(({ name }) => !Object.hasOwn(customAttributes, name));
    if (!lacking.length) return;
    const types = Object.fromEntries(lacking.map(({ name }) => [name, keyword]));
    await operatorService.addSearchAttributes({ namespace, searchAttributes: types });
  } catch (error) {
    // ALREADY_EXISTS, PERMISSION_DENIED or UNIMPLEMENTED: another process was faster, or the server refuses the call.
    if (!(isGrpcServiceError(error) && [6, 7, 12].includes(error.code))) throw error;
  }
}

/** INDEXED_VALUE_TYPE_KEYWORD; Node cannot import the enumeration by name. */
const keyword = 2;

/** gRPC's INVALID_ARGUMENT; only the message names the cause. */
export function lacksSearchAttributes(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one) && one.code === 3 && /search attribute/i.test(one.details)) return true;
  return false;
}
