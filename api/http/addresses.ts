/** Where callers watch what goes on; for the header Location. */
export const attemptAddress = (accountId: string): string => `/api/v1/accounts/${accountId}/attempt`;

/** Of one run its own address, of several the list. */
export function runsAddress(runs: readonly { id: string }[]): string {
  const [only] = runs;
  return only && runs.length === 1 ? `/api/v1/syncs/${only.id}` : '/api/v1/syncs';
}

export const messageAddress = (id: string): string => `/api/v1/messages/${id}`;
