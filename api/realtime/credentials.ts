import type { IncomingMessage } from 'node:http';

/** The subprotocol that the server chooses. A client that offers another one, such as one with a key, offers this one too. */
export const protocolName = 'patchbay';

const path = /^\/api\/v1\/realtime\/?(\?|$)/i;

/** Whether a request asks to become a WebSocket where there is one. */
export const wantsSocket = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'GET' && path.test(url ?? '') && headers.upgrade?.toLowerCase() === 'websocket';

/** The key among the subprotocols that a handshake offers, for clients that can set no header. */
export function protocolKey({ headers }: IncomingMessage): string | null {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  return offered.find((one) => /^pb_[\w-]{16,128}$/.test(one)) ?? null;
}

/** Whether a web page of another origin than ours sends the request. */
export function isOfForeignPage({ headers: { origin } }: IncomingMessage, publicUrl: string): boolean {
  return origin !== undefined && origin !== new URL(publicUrl).origin;
}
