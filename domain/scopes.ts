/** `raw` shows providers' raw answers; `operator` shows workflow ids and history links. */
export const scopeNames = ['read', 'write', 'admin', 'operator', 'raw'] as const;
export type Scope = (typeof scopeNames)[number];
