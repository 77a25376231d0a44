/** Something was to be changed, or something that is kept sealed was shown. */
export const auditKinds = ['write', 'look'] as const;
export type AuditKind = (typeof auditKinds)[number];

/** Where it was asked for: over HTTP with an API key, by the `patchbay` command, at the codec endpoint. */
export const auditVias = ['api', 'command', 'codec'] as const;
export type AuditVia = (typeof auditVias)[number];

/**
 * `accepted`: carried out; where it ended otherwise after that was recorded, a second entry of the request says so.
 * `refused`: the caller's fault, nothing was done. `failed`: ours, a provider's or the database's.
 */
export const auditOutcomes = ['accepted', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];
