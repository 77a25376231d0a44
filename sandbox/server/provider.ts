import type { Express } from 'express';
import { z } from 'zod';
import { typedPhone } from '../world/whatsapp.ts';
import { ApiError } from './errors.ts';
import type { Shared } from './shared.ts';
import type { Variants } from './variants.ts';

export interface ProviderDefinition<Name extends string = string> {
  name: Name;
  /** The environment variable with its port, and the default. */
  port: { variable: string; usual: number };
  /** The path in the base URL of the provider's own client. */
  urlPath: string;
  create(shared: Shared): ProviderSandbox;
}

export interface ProviderSandbox {
  app: Express;
  variants: Pick<Variants<object>, 'values' | 'set' | 'reset'>;
  /** Undefined for another provider's account. */
  findAccount(ref: AccountRef): unknown;
  actions: Actions;
  reset(): void;
  /** The state that outlives the process, as plain data. */
  save(): unknown;
  restore(saved: unknown): void;
}

/** The provider's own id, or (WASender) a session. */
export interface AccountRef {
  account_id?: string | undefined;
  session?: string | undefined;
}

export type ActionName =
  | 'scan'
  | 'approve'
  | 'drop'
  | 'messages'
  | 'receipts'
  | 'reactions'
  | 'put_address_book'
  | 'patch_address_book';

interface Action {
  /** Beside `account_id` and `session`. */
  body: z.ZodObject;
  /** Returns the JSON answer. Throws ApiError. */
  run(account: unknown, fields: object): object;
}
type Actions = Partial<Record<ActionName, Action>>;

export function action<Account, S extends z.ZodObject>(
  body: S,
  run: (account: Account, fields: z.infer<S>) => object,
): Action {
  return { body, run: run as Action['run'] };
}

/** The digits. Throws 400. */
function requirePhone(text: string): string {
  const digits = typedPhone(text);
  if (digits === null) throw new ApiError(400, 'phone must be a number with its country code, like +33639980001');
  return digits;
}

const share = z.number().min(0).max(1).default(0);

/** `size` in bytes. */
export const attachmentFields = z.object({
  mimetype: z.string(),
  file_name: z.string().default('file'),
  size: z.int().min(0).max(26_214_400).default(64),
});

/** Common to all providers; a provider may extend them. */
export const actionFields = {
  scan: z.object({ phone: z.string().transform(requirePhone).optional() }),
  approve: z.object({}),
  messages: z.object({
    chat: z.string().optional(),
    from: z.string().min(1),
    name: z.string().optional(),
    text: z.string().nullable().default(null),
    count: z.int().min(1).max(10_000).default(1),
    attachments: z.array(attachmentFields).default([]),
  }),
  reactions: z.object({ message_id: z.string(), value: z.string().min(1), from: z.string().optional() }),
  putAddressBook: z.object({
    size: z.int().min(0).max(1_000_000),
    seed: z.union([z.string(), z.number().transform(String)]),
  }),
  patchAddressBook: z.object({ change: share, remove: share }),
};

export type IncomingMessage = z.infer<typeof actionFields.messages>;
