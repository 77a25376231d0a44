/**
 * Why nothing is sent. `restored`: the rows came from a dump, and an operator has not resumed yet · `tenant`: the tenant
 * stopped its sending · `operator`: the operator of the installation did, for one tenant or for all.
 */
export const stopReasons = ['restored', 'tenant', 'operator'] as const;
export type StopReason = (typeof stopReasons)[number];

/** What lets messages be sent again. */
export const waysToResume: Readonly<Record<StopReason, string>> = {
  restored: 'A dump was restored. The operator resumes with: patchbay sending resume.',
  tenant: 'Your tenant stopped sending. Resume with POST /api/v1/tenant/resume-sending.',
  operator: 'The operator of the installation stopped sending, and starts it with: patchbay sending start.',
};
