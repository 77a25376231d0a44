import { z } from 'zod';

/** Why something failed. The OpenAPI document lists every reason that there is; a stored one of another version passes. */
export const failureReason = z.string();
