import type { ProviderFailure } from '../../../domain/failures.ts';

const day = 24 * 60 * 60_000;

/** What Pagelink knows: codes and tokens that count, whose they are, and pages that an owner can connect. */
export const upstream = {
  appSecret: 'pagelink-app-secret',
  pages: [
    { id: 'page-1', name: 'Karoo Coffee' },
    { id: 'page-2', name: 'Karoo Tea' },
  ],
  /** `code@user`, or a code of the user `owner`. */
  codes: new Set<string>(),
  /** What was asked to be exchanged, in order. */
  exchanges: [] as { code: string; redirectUri: string }[],
  tokens: new Set<string>(),
  /** By token: its user, and when it ends in epoch milliseconds. */
  users: new Map<string, string>(),
  ends: new Map<string, number>(),
  /** Tokens are to be renewed after this, and end after that, in milliseconds. */
  refreshAfterMs: day,
  lifeMs: 60 * day,
  issued: 0,
  /** By page: what a renewal is answered with at a time; null where it succeeds. */
  refusals: new Map<string, (now: number) => ProviderFailure | null>(),
  /** By page: how often a renewal was asked for, and how often it succeeded. */
  asked: new Map<string, number>(),
  renewed: new Map<string, number>(),
  /** What a renewal waits for, after it took effect. */
  beforeAnswer: (): Promise<void> => Promise.resolve(),
  /** While set, every check of an account fails so. */
  checkFailure: null as ProviderFailure | null,

  issue(name: string, user: string, now: number): string {
    upstream.issued += 1;
    const token = `${name}-${upstream.issued}`;
    upstream.tokens.add(token);
    upstream.users.set(token, user);
    upstream.ends.set(token, now + upstream.lifeMs);
    return token;
  },
  works: (token: string | undefined, now: number): boolean =>
    token !== undefined && upstream.tokens.has(token) && (upstream.ends.get(token) ?? 0) > now,
  count(of: Map<string, number>, name: string): void {
    of.set(name, (of.get(name) ?? 0) + 1);
  },
};
