const minute = 60_000;

/** How long a connection attempt may take by its method, in milliseconds; every attempt ends by then. */
export const attemptLifetimeMs = {
  qr: 10 * minute,
  credentials: 15 * minute,
  hosted: 60 * minute,
  oauth: 60 * minute,
  token: 5 * minute,
} as const;

/** How long a disconnection is retried at the provider before it is closed with what is left to clean up. */
export const disconnectLifetimeMs = 15 * minute;

/** Wrong codes that one attempt may send before it fails; providers ban accounts for more. */
export const wrongAnswersAllowed = 5;

/** Attempts that may begin on one account within `attemptBudgetWindowMs`, whoever asks: guards against bans. */
export const attemptBudget = 30;
export const attemptBudgetWindowMs = 60 * minute;

/** How long an API call waits for a step or an outcome before it answers 202, in milliseconds. */
export const patienceMs = 8_000;

/** After this an answer that its run did not take is passed on by the next look, in milliseconds. */
export const unsentAfterMs = 2 * patienceMs;

/** Pause before the n-th look (from 0) at a step that ends outside Patchbay, in milliseconds. */
export const pollAfterMs = (looks: number): number => Math.min(5_000 * 2 ** Math.min(looks, 4), minute);

/** Clocks of two services differ by this much at most, in milliseconds. */
export const clockSkewMs = minute;
