import type { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { TemplateOutline } from '../../domain/message-templates.ts';
import type { TemplateUse } from '../../domain/send-options.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';

/** For so long a template is not asked for again, in milliseconds: each question counts toward the provider's limits. */
const keptForMs = 10 * 60_000;
/** Templates remembered at once; beyond it all are forgotten. */
const mostKept = 1_000;
const waitForMs = 10_000;

interface Kept {
  outline: TemplateOutline;
  until: number;
}
const keptBy = new WeakMap<Context['providers'], Map<string, Kept>>();

/**
 * A template as its provider has it; null where there is none. Undefined where the provider cannot be asked now: then it
 * judges the message when it is sent.
 */
export async function findTemplate(
  context: Context,
  account: Account,
  { name, language }: TemplateUse,
): Promise<TemplateOutline | null | undefined> {
  const { providers, clock, db } = context;
  const kept = keptBy.get(providers) ?? new Map<string, Kept>();
  keptBy.set(providers, kept);
  const key = JSON.stringify([account.id, name, language]);
  const now = clock.now().getTime();
  const known = kept.get(key);
  if (known && known.until > now) return known.outline;
  try {
    const { provider, call } = await db.tenant(account.tenantId, (em) =>
      connectionTo(context, em, account, clock.now(), account.providerAccountId),
    );
    const signal = AbortSignal.timeout(waitForMs);
    const outline = await provider.messages?.template?.({ ...call, signal }, name, language);
    if (!outline) return outline;
    if (kept.size >= mostKept) kept.clear();
    // One that waits for its approval is asked for again.
    if (outline.isApproved) kept.set(key, { outline, until: now + keptForMs });
    return outline;
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    return undefined;
  }
}
