import { once } from 'node:events';
import { Agent, createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One address in front of several servers, as a deployment's proxy. */
export interface Balancer {
  url: string;
  /** Addresses that are asked in turn. One that has ended may stay: its port refuses, and the next one is asked. */
  targets: Set<string>;
  /** Answers of 502: requests that were cut when they had reached a server. */
  cut(): number;
  close(): Promise<void>;
}

/** How long a request looks for a server that takes it, in milliseconds. */
const patienceMs = 5_000;
const pauseMs = 50;

/**
 * Each request goes to the next server, and to another one as long as it has reached none: where a port refuses. What was cut
 * later is answered 502, since the server may have done it.
 */
export async function startBalancer(): Promise<Balancer> {
  const targets = new Set<string>();
  const agent = new Agent({ keepAlive: false });
  let turn = 0;
  let cut = 0;
  const forward = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts);
    for (const end = Date.now() + patienceMs; Date.now() < end;) {
      const target = [...targets][(turn += 1) % Math.max(targets.size, 1)];
      const outcome = target ? await pass(target, incoming, body, response, agent) : 'refused';
      if (outcome === 'done') return;
      if (outcome === 'cut') break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    cut += 1;
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  };
  const server = createServer((incoming, response) => {
    forward(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    cut: () => cut,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  agent: Agent,
): Promise<'done' | 'refused' | 'cut'> {
  return new Promise((resolve) => {
    const { 'transfer-encoding': _chunks, ...own } = headers;
    const length = body.length ? { 'content-length': String(body.length) } : {};
    const outgoing = ask(new URL(url ?? '/', target), { method, headers: { ...own, ...length }, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once('end', () => resolve('done'));
      answer.once('error', () => resolve('cut'));
    });
    outgoing.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED' ? 'refused' : 'cut'));
    outgoing.end(body);
  });
}
