/** What Pagelink knows: codes and tokens that count, and pages that an owner can connect. */
export const upstream = {
  appSecret: 'pagelink-app-secret',
  pages: [
    { id: 'page-1', name: 'Karoo Coffee' },
    { id: 'page-2', name: 'Karoo Tea' },
  ],
  codes: new Set<string>(),
  /** What was asked to be exchanged, in order. */
  exchanges: [] as { code: string; redirectUri: string }[],
  tokens: new Set<string>(),
  /** Tokens are to be renewed after this, in milliseconds. */
  refreshAfterMs: 24 * 60 * 60_000,
  issued: 0,
  issue(name: string): string {
    upstream.issued += 1;
    const token = `${name}-${upstream.issued}`;
    upstream.tokens.add(token);
    return token;
  },
};
