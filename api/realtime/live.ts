import type { Request, Response } from 'express';
import { feedEnd } from '../../db/queries/events/read-feed.ts';
import { eventId } from '../../domain/events.ts';
import { openFeedReader, type FeedReader, type FeedStart } from '../../services/events/feed-reader.ts';
import type { Context } from '../../services/context.ts';
import type { ValidKey } from '../http/auth.ts';
import { problemOf } from '../http/errors.ts';
import { createKeyWatch } from '../http/key-watch.ts';
import { channelKinds, dropReasons, SlowReader, type Channel, type ChannelEnd } from './channel.ts';
import { answerMessage } from './messages.ts';
import { openSocket } from './socket.ts';
import { openStream } from './stream.ts';
import { acceptSocket, isUpgrade } from './upgrades.ts';

/** Sends events until the connection ends; resolves then. */
export type ServeLive = (request: Request, response: Response, valid: ValidKey, start: FeedStart) => Promise<void>;

/** A connection that is open. */
interface Session {
  channel: Channel;
  end(why: ChannelEnd): void;
  isOver: boolean;
  /** Null until it is open. */
  reader: FeedReader | null;
  isSending: boolean;
  /** The id up to which the other side was told. */
  told: string | null;
  /** When it shows next that it works, by `performance.now()`. */
  beatAt: number;
}

/** Events of one write. */
const atOnce = 100;
/** Milliseconds between two checks for sessions that have to show that they work. */
const checkMs = 1_000;

/** Serves sockets and streams of events. */
export function createLive(context: Context): ServeLive {
  const { config, metrics, stopping } = context;
  const watchKey = createKeyWatch(context.db);
  const sessions = new Set<Session>();
  const beatMs = config.SOCKET_HEARTBEAT_SECONDS * 1_000;
  const patienceMs = config.SOCKET_PATIENCE_SECONDS * 1_000;
  let timer: NodeJS.Timeout | undefined;

  // A counter that appears with its first drop shows no increase.
  for (const kind of channelKinds) {
    metrics.feedReaders.set({ kind }, 0);
    for (const reason of dropReasons) metrics.feedReadersDropped.inc({ kind, reason }, 0);
  }

  stopping.addEventListener('abort', () => {
    for (const { end } of sessions) end('stopping');
  });
  const beatAll = (): void => {
    const now = performance.now();
    for (const session of sessions)
      if (now >= session.beatAt) {
        session.beatAt = now + beatMs;
        beat(session);
      }
    if (sessions.size) return;
    clearInterval(timer);
    timer = undefined;
  };
  return async (request, response, valid, start) => {
    const { promise: over, resolve: end } = Promise.withResolvers<ChannelEnd>();
    response.once('close', () => end('left'));
    const answer = (message: string) => answerMessage(context, start.tenantId, opening, message);
    const channel = isUpgrade(request)
      ? await acceptSocket(request, (socket) => openSocket(socket, patienceMs, { answer, end }))
      : openStream(response, patienceMs);
    if (!channel) return;
    const opening = openFeedReader(context, start);
    const session: Session = {
      channel,
      end,
      isOver: false,
      reader: null,
      isSending: false,
      told: null,
      beatAt: performance.now() + beatMs,
    };
    const { kind } = channel;
    sessions.add(session);
    metrics.feedReaders.inc({ kind });
    timer ??= setInterval(beatAll, Math.min(checkMs, beatMs)).unref();
    const unwatch = watchKey(valid, end);
    if (stopping.aborted) end('stopping');
    void pump(context, session, opening, start).then(end);
    const why = await over;
    session.isOver = true;
    session.reader?.close();
    unwatch();
    sessions.delete(session);
    metrics.feedReaders.dec({ kind });
    if (why !== 'left') metrics.feedReadersDropped.inc({ kind, reason: why });
    channel.end(why);
  };
}

/** Not while events are being sent: they say the place themselves, and the reader is past those that the other side lacks. */
function beat(session: Session): void {
  if (session.isSending) return;
  const place = session.reader?.place() ?? null;
  const id = place && eventId(place);
  const isNews = id !== null && id !== session.told;
  if (isNews) session.told = id;
  if (!session.channel.beat(isNews ? place : null)) session.end('unresponsive');
}

/** Sends what the reader reads, for as long as it reads. */
async function pump(
  context: Context,
  session: Session,
  opening: Promise<FeedReader>,
  start: FeedStart,
): Promise<ChannelEnd> {
  const { channel } = session;
  const isTold = (reader: FeedReader): void => {
    const place = reader.place();
    session.told = place && eventId(place);
  };
  try {
    const reader = await opening;
    session.reader = reader;
    if (session.isOver) reader.close();
    else channel.ready(reader.place());
    isTold(reader);
    for (let rows = await reader.next(atOnce); rows; rows = await reader.next(atOnce)) {
      session.isSending = true;
      await channel.send(rows);
      session.isSending = false;
      isTold(reader);
    }
    return 'left';
  } catch (error) {
    return endAfter(context, channel, start, error);
  }
}

async function endAfter(
  context: Context,
  channel: Channel,
  { tenantId }: FeedStart,
  error: unknown,
): Promise<ChannelEnd> {
  if (error instanceof SlowReader) return 'slow_reader';
  const { code } = problemOf(error);
  if (code === 'database_unavailable' || code === 'database_busy') return 'database_unavailable';
  if (code !== 'resync') {
    context.log.error({ err: error }, 'reading events failed');
    return 'unexpected';
  }
  try {
    channel.resync(await context.db.tenant(tenantId, feedEnd));
    return 'resync';
  } catch {
    return 'database_unavailable';
  }
}
