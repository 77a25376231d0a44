import type { Subject } from '../../domain/erasure.ts';
import type { UserRequestKind } from '../../domain/user-requests.ts';
import type { WebhookRequest } from './webhooks.ts';

/** What a provider asks in the name of one of its users. */
export interface UserRequest {
  kind: UserRequestKind;
  /** The accounts that it is about, by the name that they share (`AccountView.groups`). */
  group: string;
  /** Equal for equal requests. */
  dedupeKey: string;
  /** Names of the user, who is erased where a deletion is requested. */
  subjects: readonly Subject[];
}

/** Requests that a provider signs and posts about one of its users. */
export interface Callbacks {
  /** The settings whose values may sign. */
  settings: readonly string[];
  /**
   * Verifies and reads a request that came to the address of `asked`; null where none of `secrets` signed it, or it is no
   * such request. Pure.
   */
  read(request: WebhookRequest, secrets: readonly string[], asked: UserRequestKind): UserRequest | null;
}
