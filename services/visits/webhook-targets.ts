import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { WebhookTargets } from '../../providers/contract/account.ts';

/** What providers say of the webhooks under credentials, asked once for many accounts. */
export interface SharedTargets {
  /** Null where the provider does not tell. Throws its failure, also for a while after it. */
  of(credentialsId: string, provider: Provider, call: ProviderCall): Promise<WebhookTargets | null>;
  /** Has it asked anew. */
  forget(credentialsId: string): void;
  /** Carries out what changes the webhooks of credentials, one account after the other. */
  alone<T>(credentialsId: string, work: () => Promise<T>): Promise<T>;
}

/** An answer counts for less than a period of the sweep, in milliseconds; a failure for shorter. */
const countsForMs = { answer: 4 * 60_000, failure: 20_000 };
/** How long a provider may take, in milliseconds. */
const answerMs = 20_000;

export function createSharedTargets(): SharedTargets {
  const working = new Map<string, Promise<unknown>>();
  const known = new Map<string, { answer: Promise<WebhookTargets>; until: number }>();
  return {
    async of(credentialsId, provider, call) {
      const { webhookTargets } = provider.account;
      if (!webhookTargets || !call.webhookAddress) return null;
      const now = performance.now();
      const found = known.get(credentialsId);
      if (found && found.until > now) return found.answer;
      for (const [id, { until }] of known) if (until <= now) known.delete(id);
      // Of none of the visits that wait for it.
      const asking = { ...call, signal: AbortSignal.timeout(answerMs) };
      const entry = { answer: webhookTargets(asking, call.webhookAddress), until: now + countsForMs.answer };
      known.set(credentialsId, entry);
      entry.answer.catch(() => (entry.until = performance.now() + countsForMs.failure));
      return entry.answer;
    },
    forget: (credentialsId) => void known.delete(credentialsId),
    async alone(credentialsId, work) {
      const before = working.get(credentialsId) ?? Promise.resolve();
      const own = before.then(work, work);
      working.set(credentialsId, own);
      try {
        return await own;
      } finally {
        if (working.get(credentialsId) === own) working.delete(credentialsId);
      }
    },
  };
}
