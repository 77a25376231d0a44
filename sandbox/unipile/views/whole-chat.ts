import { chatMessageSources } from '../sources.ts';
import type { Account, ChatRef } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';
import { chatView } from './chat.ts';
import { messageView } from './message.ts';

/** The chat with its latest message, as it is shown alone. */
export function wholeChatView(account: Account, ref: ChatRef, variants: UnipileVariants): object {
  return { ...chatView(account, ref, variants), lastMessage: lastMessage(account, ref, variants) };
}

function lastMessage(account: Account, ref: ChatRef, variants: UnipileVariants): object | null {
  for (const source of chatMessageSources(account, ref)) {
    const first = source(Number.MAX_SAFE_INTEGER).next();
    if (!first.done) return messageView(account, first.value.ref, variants);
  }
  return null;
}
