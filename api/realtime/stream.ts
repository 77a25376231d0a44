import type { Response } from 'express';
import { eventId } from '../../domain/events.ts';
import { textsOf, writeTaken, type Channel } from './channel.ts';

/** Events as server-sent events. A block that has an id alone is no event for its reader, who goes on after it. */
export function openStream(response: Response, patienceMs: number): Channel {
  response.setHeader('content-type', 'text/event-stream; charset=utf-8');
  // Proxies such as nginx would gather what is sent.
  response.setHeader('x-accel-buffering', 'no');
  response.flushHeaders();
  response.on('error', () => undefined);
  const write = (text: string | Buffer, taken?: () => void): void => {
    // A write after the end is an error, and calls nothing back.
    if (response.writableEnded || response.destroyed) taken?.();
    else response.write(text, taken);
  };
  return {
    kind: 'stream',
    ready: (place) => write(place ? `: ready\nid: ${eventId(place)}\n\n` : ': ready\n\n'),
    send: (rows) =>
      writeTaken(
        rows.map((row) => textsOf(row).block),
        patienceMs,
        write,
      ),
    beat: (place) => {
      write(place ? `: heartbeat\nid: ${eventId(place)}\n\n` : ': heartbeat\n\n');
      return true;
    },
    resync: (end) => {
      const id = eventId(end);
      write(`id: ${id}\nevent: resync\ndata: ${JSON.stringify({ id })}\n\n`);
    },
    end: (why) => {
      if (why === 'slow_reader') response.destroy();
      else response.end();
    },
  };
}
