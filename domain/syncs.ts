export const syncKinds = ['details', 'contacts'] as const;
export type SyncKind = (typeof syncKinds)[number];

export const syncStates = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export type SyncState = (typeof syncStates)[number];
