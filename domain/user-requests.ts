/** What a provider asks in the name of one of its users: that the login ended, or that what is stored goes. */
export const userRequestKinds = ['deauthorized', 'deletion_requested'] as const;
export type UserRequestKind = (typeof userRequestKinds)[number];

/** The last part of the address of each. */
export const userRequestPaths: Readonly<Record<UserRequestKind, string>> = {
  deauthorized: 'deauthorize',
  deletion_requested: 'data-deletion',
};

/** How long the page of a deletion that is done stays, in milliseconds. */
export const deletionShownMs = 180 * 86_400_000;
