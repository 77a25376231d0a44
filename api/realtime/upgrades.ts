import { ServerResponse, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { Problem } from '../../services/problem.ts';
import { protocolName } from './credentials.ts';

/** The largest message of a client, in bytes. */
const mostBytes = 4_096;
/** How long the other side has to answer a close frame, in milliseconds. */
const closeTimeout = 10_000;

const options = {
  noServer: true,
  clientTracking: false,
  maxPayload: mostBytes,
  closeTimeout,
  handleProtocols: (offered: Set<string>) => (offered.has(protocolName) ? protocolName : false),
};
const server = new WebSocketServer(options);
// What `checkHandshake` lets pass; its answer would be none of ours.
server.on('wsClientError', (_error, socket: Duplex) => socket.destroy());

/** The connection of each request that may become a WebSocket. */
const upgrades = new WeakMap<IncomingMessage, { socket: Duplex; head: Buffer }>();

export const isUpgrade = (request: IncomingMessage): boolean => upgrades.has(request);

/**
 * Has an application answer the handshakes of WebSockets like any other request: what refuses it is an answer. The response
 * lasts as long as its connection, and is closed with it.
 */
export function serveUpgrades(http: Server, app: RequestListener): void {
  http.on('upgrade', (request, socket, head) => {
    upgrades.set(request, { socket, head });
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.end());
    app(request, response);
  });
}

/** Throws a problem for a request that is no handshake of RFC 6455, section 4.2.1. */
export function checkHandshake({ headers }: IncomingMessage): void {
  if (headers['sec-websocket-version'] !== '13')
    throw new Problem('upgrade_required', 'This address takes version 13 of the WebSocket protocol.', {
      headers: { upgrade: 'websocket', 'sec-websocket-version': '13' },
    });
  if (!/^[+/0-9a-z]{22}==$/i.test(headers['sec-websocket-key'] ?? ''))
    throw new Problem('malformed_request', 'The handshake has no valid Sec-WebSocket-Key.');
}

/**
 * Completes a handshake that was checked. `use` runs before the first message can come. Null where the caller has
 * disconnected.
 */
export function acceptSocket<T>(request: IncomingMessage, use: (socket: WebSocket) => T): Promise<T | null> {
  const upgrade = upgrades.get(request);
  if (!upgrade?.socket.readable || !upgrade.socket.writable) return Promise.resolve(null);
  return new Promise((resolve) =>
    server.handleUpgrade(request, upgrade.socket, upgrade.head, (socket) => resolve(use(socket))),
  );
}
