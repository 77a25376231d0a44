import type { DeliveryStatus } from '../../domain/seen-messages.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { parseObject } from '../json-object.ts';
import type { ProviderCall } from '../provider.ts';
import { asObject, field, text, utcMs, type Json } from './fields.ts';
import { askAccount } from './client.ts';
import { segment } from './ids.ts';
import { listIn, listOf, saysMore } from './pages.ts';

/** The field that an attachment of a kind stands in; an audio goes out as a voice note. */
export const fileFields = {
  image: 'imageUrl',
  video: 'videoUrl',
  document: 'documentUrl',
  audio: 'audioUrl',
  sticker: 'stickerUrl',
} as const;

/** An entry of a session's message log. `to` and `content` are null where messages are not logged, or cannot be read. */
export interface LoggedMessage {
  id: string | null;
  to: string | null;
  content: Json | null;
  status: DeliveryStatus | null;
  /** Milliseconds since the epoch. The log names no zone; it is taken for UTC. */
  at: number | null;
}

const perPage = 100;
const mostPages = 20;

const statuses: Readonly<Record<string, DeliveryStatus>> = { sent: 'sent', failed: 'failed', in_progress: 'pending' };

/**
 * GET /whatsapp-sessions/{id}/message-logs: the entries back to `after` (milliseconds since the epoch), and whether these
 * are all of them.
 */
export async function readMessageLog(
  call: ProviderCall,
  after: number,
): Promise<{ entries: LoggedMessage[]; isWhole: boolean }> {
  const entries: LoggedMessage[] = [];
  for (let page = 1; page <= mostPages; page += 1) {
    const query = { page: String(page), per_page: String(perPage) };
    const path = `/whatsapp-sessions/${segment(call.providerAccountId)}/message-logs`;
    const list = listOf(await askAccount(call, 'GET', path, { query }));
    const items = listIn(list);
    if (!items)
      throw new ProviderFailure('provider_unavailable', 'WASender answered something else than a message log.');
    const read = items.map(readEntry);
    entries.push(...read);
    if (!isNewestFirst(entries)) return { entries, isWhole: false };
    if (saysMore(list, page) !== true || (read.at(-1)?.at ?? after) < after) return { entries, isWhole: true };
  }
  return { entries, isWhole: false };
}

function isNewestFirst(entries: readonly LoggedMessage[]): boolean {
  const times = entries.flatMap(({ at }) => at ?? []);
  return times.every((at, n) => n === 0 || at <= (times[n - 1] ?? at));
}

function readEntry(entry: unknown): LoggedMessage {
  const of = asObject(entry);
  const content = field(of, 'content');
  const status = text(of, 'status')?.toLowerCase() ?? '';
  return {
    id: text(of, 'id'),
    to: text(of, 'to'),
    content: typeof content === 'string' ? parseObject(content) : asObject(content),
    status: Object.hasOwn(statuses, status) ? (statuses[status] ?? null) : null,
    at: utcMs(text(of, 'created_at')),
  };
}
