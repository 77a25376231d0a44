import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Config } from '../../platform/config.ts';
import { newId } from '../../platform/ids.ts';
import { wantsSocket } from '../realtime/credentials.ts';
import { Problem, problemBody, type ProblemCode } from '../../services/problem.ts';

/** The times that a sender has before its connection is cut, in milliseconds. */
export interface Patience {
  /** For all headers. */
  headers: number;
  /** For the whole request. */
  request: number;
  /** Between two checks for slow senders. */
  look: number;
}

const patience: Patience = { headers: 10_000, request: 30_000, look: 1_000 };

/** Errors of Node's HTTP parser with a problem of their own; all others mean that the request is not HTTP. */
const parserProblems: Record<string, ProblemCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** Bounds of connections. */
export type Connections = Pick<Config, 'MAX_CONNECTIONS' | 'KEEP_ALIVE_SECONDS'>;

/**
 * An HTTP server with a time limit for each sender, and a bound of connections: further ones are closed at once. Requests
 * that reach no route are answered with a problem too.
 */
export function createHttpServer(connections: Connections, { headers, request, look }: Patience = patience): Server {
  const server = createServer({
    keepAliveTimeout: connections.KEEP_ALIVE_SECONDS * 1000,
    headersTimeout: headers,
    requestTimeout: request,
    connectionsCheckingInterval: look,
    // Other requests that ask for another protocol are answered by this one, as RFC 9110, section 7.8, lets a server do.
    shouldUpgradeCallback: wantsSocket,
  });
  server.maxConnections = connections.MAX_CONNECTIONS;
  const newest = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', ({ socket }, response) => newest.set(socket, response));
  // `readBody` sends 100 Continue once the request is admitted.
  server.on('checkContinue', (asked, response) => server.emit('request', asked, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = newest.get(socket);
    const answering = response?.headersSent && !response.writableFinished;
    // Browsers and agents open connections ahead. An answer to no request would be taken for that of the first one.
    const isUnused = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && (socket as Socket).bytesRead === 0;
    if (error.code === 'ECONNRESET' || !socket.writable || answering || isUnused) socket.destroy();
    else socket.end(bareAnswer(parserProblems[error.code ?? ''] ?? 'malformed_request'), () => socket.destroy());
  });
  return server;
}

function bareAnswer(code: ProblemCode): string {
  const problem = new Problem(code);
  const body = JSON.stringify(problemBody(problem, newId()));
  return [
    `HTTP/1.1 ${problem.status} ${code}`,
    'connection: close',
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
