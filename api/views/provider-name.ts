import { z } from 'zod';

/**
 * A provider's name. The OpenAPI document lists those of the context; a handler that is given one checks it with
 * `checkProviderName`.
 */
export const providerName = z.string();
