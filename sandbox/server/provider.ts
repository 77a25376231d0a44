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
  /** Its errors have codes: a fault may choose one. */
  errorsHaveCodes?: true;
  /** Undefined for another provider's account. */
  findAccount(ref: AccountRef): unknown;
  actions: Actions;
  /** The true state of the chats that messages were written in, without their generated part. */
  conversations(account: unknown): Conversation[];
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
  | 'post_group'
  | 'patch_group'
  | 'patch_chat'
  | 'post_webhook'
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

/** As JSON, oldest message first. */
export interface Conversation {
  chat_id: string;
  provider_chat_id: string;
  group: boolean;
  unread: number;
  archived: boolean;
  pinned: boolean;
  muted_until: -1 | string | null;
  messages: ConversationMessage[];
}

export interface ConversationMessage {
  message_id: string;
  provider_message_id: string;
  /** The sender's provider id; null: the owner. */
  from: string | null;
  /** Null when it was deleted. */
  text: string | null;
  timestamp: string;
  /** Of the owner's messages; in a group the furthest of its members. */
  status: 'failed' | 'pending' | 'sent' | 'delivered' | 'read' | 'played' | null;
  edited: boolean;
  deleted: boolean;
  /** `from` as above. */
  reactions: { from: string | null; value: string }[];
}

/** `size` in bytes. */
const attachmentFields = z.object({
  mimetype: z.string(),
  file_name: z.string().default('file'),
  size: z.int().min(1).max(26_214_400).default(64),
  unavailable: z.boolean().default(false),
});

const messageId = z.union([z.string().min(1), z.number().transform(String)]);

/** Common to all providers; a provider may extend them. */
export const actionFields = {
  scan: z.object({ phone: z.string().transform(requirePhone).optional() }),
  approve: z.object({}),
  messages: z.object({
    chat: z.string().optional(),
    from: z.string().min(1).optional(),
    own: z.boolean().default(false),
    name: z.string().optional(),
    text: z.string().nullable().default(null),
    count: z.int().min(1).max(10_000).default(1),
    attachments: z.array(attachmentFields).default([]),
    reply_to: messageId.optional(),
    edit: messageId.optional(),
    delete: messageId.optional(),
    react: messageId.optional(),
  }),
  receipts: z.object({ message_id: messageId, from: z.string().optional() }),
  reactions: z.object({ message_id: messageId, value: z.string(), from: z.string().optional() }),
  postGroup: z.object({ name: z.string().min(1), members: z.array(z.string().min(1)).min(1) }),
  patchGroup: z.object({
    chat: z.string().min(1),
    name: z.string().min(1).optional(),
    add: z.array(z.string().min(1)).default([]),
    remove: z.array(z.string().min(1)).default([]),
  }),
  patchChat: z.object({
    chat: z.string().min(1),
    read: z.boolean().optional(),
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
    muted: z.union([z.boolean(), z.iso.datetime()]).optional(),
    deleted: z.literal(true).optional(),
  }),
  postWebhook: z.object({
    body: z.union([z.string(), z.json()]).transform((body) => (typeof body === 'string' ? body : JSON.stringify(body))),
  }),
  putAddressBook: z.object({
    size: z.int().min(0).max(1_000_000),
    seed: z.union([z.string(), z.number().transform(String)]),
  }),
  patchAddressBook: z.object({ change: share, remove: share }),
};

type MessageFields = z.infer<typeof actionFields.messages>;

/** `from: 'me'` and `own` both mean the owner's own phone. */
export interface IncomingMessage extends Omit<MessageFields, 'from' | 'own' | 'edit' | 'delete' | 'react'> {
  own: boolean;
  /** Of the owner's message: the other person in its chat, where `chat` is absent. */
  from: string | undefined;
}

export interface IncomingReaction {
  message_id: string;
  /** Empty: the reaction is taken back. */
  value: string;
  /** `me`: the owner. Absent: the message's author, or the other person in the chat. */
  from?: string | undefined;
}

/** Each returns the JSON answer and throws ApiError. */
interface MessageVerbs<Account> {
  write(account: Account, message: IncomingMessage): object;
  /** By the message's author. */
  edit(account: Account, messageId: string, text: string): object;
  /** By the message's author, for everybody. */
  remove(account: Account, messageId: string): object;
  react(account: Account, reaction: IncomingReaction): object;
}

/** `POST /messages`: a new message, or a change to the one that `edit`, `delete` or `react` names. */
export function messagesAction<Account>(verbs: MessageVerbs<Account>): Action {
  return action(actionFields.messages, (account: Account, body) => {
    const { edit, delete: removed, react, own, from, ...rest } = body;
    const isOwn = own || from === 'me';
    if ([edit, removed, react].filter((one) => one !== undefined).length > 1) {
      throw new ApiError(400, 'only one of edit, delete and react is possible');
    }
    if (edit !== undefined) return verbs.edit(account, edit, requireText(body));
    if (removed !== undefined) return verbs.remove(account, removed);
    if (react !== undefined) {
      return verbs.react(account, { message_id: react, value: body.text ?? '', from: isOwn ? 'me' : from });
    }
    const other = from === 'me' ? undefined : from;
    if (other === undefined && (!isOwn || body.chat === undefined)) {
      throw new ApiError(400, isOwn ? "chat, or the other person's from, is required" : 'from is required');
    }
    return verbs.write(account, { ...rest, own: isOwn, from: other });
  });
}

function requireText({ text }: MessageFields): string {
  if (text === null || text === '') throw new ApiError(400, 'text is required: the new text');
  return text;
}
