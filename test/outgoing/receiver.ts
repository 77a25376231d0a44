import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as an application got it. */
export interface Received {
  id: string;
  headers: IncomingHttpHeaders;
  text: string;
  /** The event within the body. */
  event: { id: string; type: string; account_id: string | null; at: string; data: any };
  /** The status that it was answered with; null while it is not answered. */
  status: number | null;
}

/** An application that takes webhooks: a server of its own. */
export interface Receiver {
  url: string;
  got: Received[];
  /** Answers 204 unless it is set. Without an end the request hangs. */
  answer: (received: Received, response: ServerResponse) => void;
  /** What was answered with 2xx, each event once, in the order in which it first came. */
  taken(): Received['event'][];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const { data: event } = JSON.parse(text) as { data: Received['event'] };
      const received: Received = {
        id: String(request.headers['webhook-id']),
        headers: request.headers,
        text,
        event,
        status: null,
      };
      receiver.got.push(received);
      response.on('finish', () => {
        received.status = response.statusCode;
      });
      receiver.answer(received, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    got: [],
    answer: (_received, response) => void response.writeHead(204).end(),
    taken: () => {
      const seen = new Map<string, Received['event']>();
      for (const { id, event, status } of receiver.got)
        if (status !== null && status < 300 && !seen.has(id)) seen.set(id, event);
      return [...seen.values()];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
