/** One route of a provider and how often it was asked, refused calls included. */
interface CallCount {
  provider: string;
  method: string;
  route: string;
  count: number;
}

export interface Calls {
  count(provider: string, method: string, route: string): void;
  list(): CallCount[];
  reset(): void;
}

export function createCalls(): Calls {
  const counts = new Map<string, CallCount>();
  return {
    count(provider, method, route) {
      const key = `${provider} ${method} ${route}`;
      const seen = counts.get(key);
      if (seen) seen.count++;
      else counts.set(key, { provider, method, route, count: 1 });
    },
    list: () => [...counts.values()],
    reset: () => counts.clear(),
  };
}
