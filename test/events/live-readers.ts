import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** An event, or another message of a stream or socket. */
export interface Told {
  type: string;
  id: string;
  account_id?: string;
  data?: any;
}

/** A stream or a socket that is open. */
export interface LiveReader {
  /** Everything that came, in its order; of a stream also the comments `ready` and `heartbeat`, of a socket pings as `heartbeat`. */
  got: Told[];
  events(): Told[];
  /** Resolves once `is` holds of what came. */
  until(is: (got: readonly Told[]) => boolean): Promise<void>;
  /** Of a socket, its close frame; of a stream, code 0. */
  ended: Promise<{ code: number; reason: string }>;
  /** Takes no bytes until `resume`. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** A connection that was refused, with the answer. */
export class Refused extends Error {
  readonly status: number;
  readonly type: string;
  readonly body: any;
  constructor({ statusCode = 0, headers }: IncomingMessage, text: string) {
    super(`refused with ${statusCode}: ${text}`);
    this.status = statusCode;
    this.type = headers['content-type'] ?? '';
    this.body = this.type.includes('json') ? JSON.parse(text) : text;
  }
}

interface Way {
  url: string;
  key?: string | undefined;
  query?: Record<string, string>;
  headers?: Record<string, string>;
}

export type OpenLive = (way: Way) => Promise<LiveReader>;

const addressOf = (url: string, path: string, query: Record<string, string> = {}): string =>
  `${url}${path}?${new URLSearchParams(query).toString()}`;

const textOf = async (response: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const part of response) text += String(part);
  return text;
};

const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };

/** What came, and those that wait for more of it. */
function createInbox() {
  const got: Told[] = [];
  const looks = new Set<() => void>();
  return {
    got,
    events: () => got.filter(({ type }) => type.includes('.')),
    take: (message: Told): void => {
      got.push(message);
      for (const look of looks) look();
    },
    until: (is: (all: readonly Told[]) => boolean): Promise<void> =>
      new Promise((resolve) => {
        // What is waited for may also hang on something else than a message.
        const timer = setInterval(() => look(), 50);
        const look = (): void => {
          if (!is(got)) return;
          clearInterval(timer);
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
  };
}

/** Opens a stream of server-sent events. Throws `Refused`. */
export const openStream: OpenLive = async ({ url, key, query, headers }) => {
  const asked = request(addressOf(url, '/api/v1/events', query), {
    agent: new Agent({ keepAlive: false }),
    headers: { accept: 'text/event-stream', ...bearer(key), ...headers },
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Refused(response, await textOf(response));
  asked.on('error', () => undefined);
  const inbox = createInbox();
  let rest = '';
  response.setEncoding('utf8').on('data', (part: string) => {
    const blocks = (rest + part).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) inbox.take(messageOf(block));
  });
  const ended = new Promise<{ code: number; reason: string }>((resolve) => {
    response.on('error', () => undefined).on('close', () => resolve({ code: 0, reason: '' }));
  });
  return {
    ...inbox,
    ended,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    stop: () => void asked.destroy(),
  };
};

function messageOf(block: string): Told {
  const lines = block.split('\n').map((line) => /^(\w*): ?(.*)$/s.exec(line));
  const field = (name: string): string | undefined => lines.find((line) => line?.[1] === name)?.[2];
  const [id = '', data] = [field('id'), field('data')];
  if (data === undefined) return { type: field('') ?? '', id };
  const message = JSON.parse(data) as Told;
  if (message.id !== id) throw new Error(`the block's id differs: ${block}`);
  return { ...message, type: field('event') ?? message.type };
}

/** Opens a WebSocket. Throws `Refused`. */
export const openSocket = async (
  { url, key, query, headers }: Way,
  protocols: string[] = [],
  options: WebSocket.ClientOptions = {},
): Promise<LiveReader & { socket: WebSocket }> => {
  const socket = new WebSocket(addressOf(url.replace(/^http/, 'ws'), '/api/v1/realtime', query), protocols, {
    ...options,
    headers: { ...bearer(key), ...headers },
  });
  const inbox = createInbox();
  // The first message may come together with the end of the handshake.
  socket.on('message', (data: Buffer) => inbox.take(JSON.parse(data.toString()) as Told));
  socket.on('ping', () => inbox.take({ type: 'heartbeat', id: '' }));
  const ended = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      void textOf(response).then((text) => reject(new Refused(response, text)), reject);
    });
    socket.once('open', resolve).on('error', reject);
  });
  return {
    ...inbox,
    socket,
    ended,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    stop: () => socket.terminate(),
  };
};

export const liveReaders: readonly [name: string, open: OpenLive][] = [
  ['a stream', openStream],
  ['a socket', (way) => openSocket(way)],
];
