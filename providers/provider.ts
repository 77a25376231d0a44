import type { z } from 'zod';
import type { Channel, Method, ProviderName } from '../domain/channels.ts';
import type { ProviderSettingTable } from '../domain/provider-settings.ts';
import type { Accounts } from './contract/account.ts';
import type { ProviderSettings } from './contract/call.ts';
import type { Callbacks } from './contract/callbacks.ts';
import type { Capabilities } from './contract/capabilities.ts';
import type { ContactReader } from './contract/contacts.ts';
import type { Conversations } from './contract/conversations.ts';
import type { Login, LoginInput, OAuth } from './contract/login.ts';
import type { Media } from './contract/media.ts';
import type { Messages } from './contract/messages.ts';
import type { Tokens } from './contract/tokens.ts';
import type { Webhooks } from './contract/webhooks.ts';

export type { AccountView, ListedAccount } from './contract/account.ts';
export type { CredentialsCall, ProviderCall, ProviderSettings, Reach } from './contract/call.ts';
export type { ContactPage, ContactReader } from './contract/contacts.ts';
export type { Conversations } from './contract/conversations.ts';
export type {
  LoginInput,
  LoginPage,
  LoginProgress,
  OAuth,
  OAuthLogin,
  TakenAccount,
  UnconfirmedLogin,
} from './contract/login.ts';
export type { Media } from './contract/media.ts';
export type {
  HandedOver,
  MessageRef,
  Messages,
  NewConversation,
  OutgoingAttachment,
  OutgoingContent,
  OutgoingMessage,
  Person,
  Recipient,
  SentMessage,
  SentSearch,
  UnknownSend,
} from './contract/messages.ts';
export type { LoginPageReport, WebhookProof, WebhookRequest } from './contract/webhooks.ts';

/**
 * One provider: one folder exporting one object. All verbs answer plain data or throw `ProviderFailure`; none of them
 * writes anything of ours, retries, or logs a secret. What a provider cannot do is a member that it does not have.
 */
export interface Provider {
  name: ProviderName;
  /** As people write it: "UniPile". */
  title: string;
  capabilities: Capabilities;
  settings: ProviderSettingTable;
  /** Settings missing or malformed, as one sentence; null when they will do. Pure. */
  checkSettings(settings: ProviderSettings): string | null;
  /** What an operator should know of settings that will do, one sentence each; `now` is in milliseconds since the epoch. Pure. */
  notices?(settings: ProviderSettings, now: number): string[];
  /** What a login by a method of the channel takes as its credentials; absent where that is nothing. Pure. */
  credentialsSchema?(channel: Channel, method: Method): z.ZodType;
  /** What is wrong with a login's input (missing password …), as one sentence; null when it can be tried. Pure. */
  validateLoginInput(channel: Channel, input: LoginInput): string | null;
  login: Login;
  oauth?: OAuth;
  tokens?: Tokens;
  account: Accounts;
  contacts?: ContactReader;
  messages?: Messages;
  conversations?: Conversations;
  media?: Media;
  webhooks: Webhooks;
  callbacks?: Callbacks;
}

export type Providers = Readonly<Record<ProviderName, Provider>>;
