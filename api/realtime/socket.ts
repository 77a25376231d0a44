import type { WebSocket } from 'ws';
import { eventId } from '../../domain/events.ts';
import { textsOf, writeTaken, type Channel, type ChannelEnd } from './channel.ts';

/** By the reason of the end: the code and the text of the close frame. */
const closings: Readonly<Record<ChannelEnd, readonly [code: number, text: string]>> = {
  left: [1000, ''],
  stopping: [1001, 'The process stops: connect again, and resume.'],
  unexpected: [1011, 'Something went wrong here: connect again, and resume.'],
  key_revoked: [4401, 'The API key was revoked.'],
  slow_reader: [4408, 'The bytes were not taken in time: connect again, and resume.'],
  unresponsive: [4408, 'Pings were not answered: connect again, and resume.'],
  resync: [4410, 'Events are missing: read everything anew.'],
  too_many_messages: [4429, 'Too many messages.'],
  database_unavailable: [4503, 'The database does not answer: connect again, and resume.'],
};

/** How long a socket that is closed because the process stops may stay open, in milliseconds. */
const stopMs = 1_000;
/** Heartbeats that a client may leave without a sign. */
const mostSilent = 2;
/** Messages that a client may send in a minute. */
const mostMessages = 60;

const text = { binary: false };

/** `answer`: the message that answers the text of one. */
interface SocketListener {
  answer(message: string): Promise<object>;
  end(why: ChannelEnd): void;
}

/** Events as messages of a WebSocket. */
export function openSocket(socket: WebSocket, patienceMs: number, listener: SocketListener): Channel {
  let silent = 0;
  let messages = 0;
  let minute = 0;
  let answering: Promise<unknown> = Promise.resolve();
  const write = (bytes: Buffer, taken?: () => void): void => socket.send(bytes, text, taken);
  const say = (message: object): void => write(Buffer.from(JSON.stringify(message)));

  socket.on('pong', () => (silent = 0));
  socket.on('message', (data: Buffer) => {
    silent = 0;
    const now = Math.floor(performance.now() / 60_000);
    messages = now === minute ? messages + 1 : 1;
    minute = now;
    if (messages > mostMessages) listener.end('too_many_messages');
    else answering = answering.then(() => listener.answer(data.toString())).then(say);
  });
  // The frame was too large or wrong: the library has closed the socket with its code.
  socket.on('error', () => undefined);
  return {
    kind: 'socket',
    ready: (place) => say({ type: 'ready', id: place && eventId(place) }),
    send: async (rows) => {
      await writeTaken(
        rows.map((row) => textsOf(row).json),
        patienceMs,
        write,
      );
      silent = 0;
    },
    beat: (place) => {
      if (silent === mostSilent) return false;
      silent += 1;
      if (place) say({ type: 'place', id: eventId(place) });
      if (socket.readyState === socket.OPEN) socket.ping();
      return true;
    },
    resync: (end) => say({ type: 'resync', id: eventId(end) }),
    end: (why) => {
      socket.close(...closings[why]);
      if (why === 'stopping') setTimeout(() => socket.terminate(), stopMs).unref();
    },
  };
}
