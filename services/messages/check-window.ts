import type { Conversation } from '../../db/entities/conversations.ts';
import { windowOf, wayOutOf } from '../../domain/conversation-window.ts';
import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { SendOptions } from '../../domain/send-options.ts';
import { Problem } from '../problem.ts';

/**
 * Throws `window_closed` where the conversation surely takes the message no more at the time when it is to be sent. Where it is
 * not known when the person last acted, the provider decides.
 */
export function checkWindow(
  capabilities: MessageCapabilities,
  { lastActionAt }: Conversation,
  { template, tag }: SendOptions,
  at: Date,
): void {
  const { window } = capabilities;
  const state = windowOf(capabilities, lastActionAt, at, tag);
  if (!window || !state || state.isOpen !== false || (template && window.wayOut.template)) return;
  const closedAt = state.openUntil?.toISOString() ?? '';
  throw new Problem('window_closed', `The conversation takes this message until ${closedAt} only.`, {
    fix: wayOutOf(window),
  });
}
