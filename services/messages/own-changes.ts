import type { Overruled, StoredChange } from '../../db/queries/conversations/conversation-changes.ts';
import type { WrittenConversation } from '../../db/queries/messages/write.ts';
import { weighWord, type ChangedField, type ProviderWord } from '../../domain/conversations.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { wordOf } from '../conversations/provider-state.ts';

/** What callers changed of some conversations, as what a provider tells of the same fields is weighed against it. */
export class OwnChanges {
  readonly #changes: ReadonlyMap<string, StoredChange>;
  /** Changes that count no more, and those that the provider has without being told. */
  readonly overruled = new Map<string, Overruled>();

  constructor(changes: readonly StoredChange[]) {
    this.#changes = new Map(changes.map((one) => [`${one.conversationId} ${one.field}`, one]));
  }

  /** What was told of a conversation at a time (milliseconds since the epoch), without the fields whose change counts more. */
  weigh(row: WrittenConversation, told: ToldConversation, at: number): ToldConversation {
    if (!this.#changes.size) return told;
    const { archived, pinned, mutedUntil, markedUnread, ...kept } = told;
    if (told.unreadCount === 0) this.#read(row, at);
    return {
      ...kept,
      ...(markedUnread !== undefined && this.#takesMark(row, markedUnread, at) && { markedUnread }),
      ...(archived !== undefined && this.#takes(row, 'archived', archived, at) && { archived }),
      ...(pinned !== undefined && this.#takes(row, 'pinned', pinned, at) && { pinned }),
      ...(mutedUntil !== undefined && this.#takes(row, 'muted', mutedUntil, at) && { mutedUntil }),
    };
  }

  #takes(row: WrittenConversation, field: ChangedField, word: ProviderWord, at: number): boolean {
    const change = this.#changes.get(`${row.id} ${field}`);
    if (!change) return true;
    const here = field === 'read' ? !row.markedUnread : wordOf(field, row);
    const outcome = weighWord({ change, here, word, at });
    if (outcome === 'ignore' || (outcome === 'take' && word === here)) return outcome === 'take';
    const agrees = outcome === 'agrees';
    this.overruled.set(`${row.id} ${field}`, { conversationId: row.id, field, agrees, unmarks: false });
    return outcome === 'take';
  }

  /** What the phone reads takes a caller's mark away by `#read` alone. */
  #takesMark(row: WrittenConversation, markedUnread: boolean, at: number): boolean {
    return markedUnread ? this.#takes(row, 'read', false, at) : !this.#changes.has(`${row.id} read`);
  }

  /** A conversation that was marked as unread, of which the provider knows, is read at the phone later. */
  #read(row: WrittenConversation, at: number): void {
    const change = this.#changes.get(`${row.id} read`);
    if (change?.state !== 'synced' || weighWord({ change, here: null, word: true, at }) !== 'take') return;
    this.overruled.set(`${row.id} read`, { conversationId: row.id, field: 'read', agrees: false, unmarks: true });
  }
}
