import type { z } from 'zod';
import type { Variants } from './variants.ts';

/** Which account a control call means: the provider's own id, or (WASender) a session. */
export interface AccountRef {
  account_id?: string | undefined;
  session?: string | undefined;
}

/** One thing that control can make happen at a provider: what it takes beside the account, and the doing. */
export interface Action<S extends z.ZodObject = z.ZodObject> {
  /** Fields beside `account_id` and `session`. */
  body: S;
  /** Throws ControlError when it cannot be. The answer is JSON. */
  run(ref: AccountRef, body: z.infer<S>): object;
}

export function action<S extends z.ZodObject>(body: S, run: (ref: AccountRef, body: z.infer<S>) => object): Action {
  return { body, run: run as Action['run'] };
}

/** The names under which control offers a provider's actions. */
export type ActionName =
  | 'scan'
  | 'approve'
  | 'drop'
  | 'messages'
  | 'receipts'
  | 'reactions'
  | 'put_address_book'
  | 'patch_address_book';

/** What a provider's folder gives to the control API. */
export interface ProviderSandbox {
  name: string;
  variants: Pick<Variants<object>, 'values' | 'set' | 'reset'>;
  owns(ref: AccountRef): boolean;
  actions: Partial<Record<ActionName, Action>>;
  /** Forgets every account, message and webhook. */
  reset(): void;
}

/** Said to whoever used the control API, with an HTTP status. */
export class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
