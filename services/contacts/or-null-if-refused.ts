import { ProviderFailure } from '../../domain/failures.ts';

/**
 * What a provider says of one person; null where it refuses to say anything of this one, so that nobody keeps the others
 * waiting for ever. Throws every other `ProviderFailure`.
 */
export async function orNullIfRefused(ask: () => Promise<string | null>): Promise<string | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProviderFailure && ['request_refused', 'not_found'].includes(error.code)) return null;
    throw error;
  }
}
