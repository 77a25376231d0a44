import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Misbehaviour beyond the sandbox's own faults. */
export const misbehaviours = [
  'echo_500',
  'echo_429',
  'echo_header',
  'malformed',
  'html',
  'wrong_shape',
  'lost_answer',
  'reset',
  'redirect',
] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

/** Between Patchbay and the sandbox: translates canaries, and answers with what it was sent. */
export interface FaultyProvider {
  url: string;
  counts: Record<Misbehaviour, number>;
  /** Every n-th call misbehaves, each way in turn; 0: none. */
  every: number;
  /** Our secrets in webhook registrations. */
  registered: { addresses: string[]; headers: string[] };
  close(): Promise<void>;
}

export interface Translation {
  /** The sandbox. */
  upstream: string;
  /** Patchbay's key, and the sandbox's. */
  key: { given: string; real: string };
  /** Codes that are translated to the sandbox's right one. */
  rightCodes: string[];
  /** The name in every account object. */
  displayName: string;
}

export async function startFaultyProvider(translation: Translation): Promise<FaultyProvider> {
  const counts = Object.fromEntries(misbehaviours.map((way) => [way, 0])) as FaultyProvider['counts'];
  const registered: FaultyProvider['registered'] = { addresses: [], headers: [] };
  const provider = { url: '', counts, every: 0, registered };
  let calls = 0;
  let turn = 0;
  const next = (): Misbehaviour | null => {
    calls += 1;
    if (!provider.every || calls % provider.every) return null;
    const way = misbehaviours[turn++ % misbehaviours.length] ?? null;
    if (way) counts[way] += 1;
    return way;
  };
  const server = createServer((request, response) => {
    void answer(request, response, translation, registered, next).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(provider, { close: () => closed(server) });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  translation: Translation,
  registered: FaultyProvider['registered'],
  next: () => Misbehaviour | null,
): Promise<void> {
  const body = await bodyOf(request);
  const { method = 'GET', url = '/' } = request;
  if (request.headers['x-api-key'] !== translation.key.given) throw new Error('another key than the one given');
  const echo = `${method} ${url} ${JSON.stringify(request.headers)} ${body}`;
  const problem = (status: number, more: Record<string, string> = {}) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...more })
      .end(JSON.stringify({ title: echo, type: `errors/${echo}`, status, detail: echo, connection_params: body }));
  const way = next();
  if (way === 'echo_500') return void problem(500);
  if (way === 'echo_429') return void problem(429, { 'retry-after': '1' });
  if (way === 'echo_header')
    return void problem(503, {
      'x-echo': encodeURIComponent(echo).slice(0, 4_000),
      'retry-after': encodeURIComponent(body),
    });
  if (way === 'malformed')
    return void response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(`{"object":"Account","echo":${echo}`);
  if (way === 'html')
    return void response.writeHead(502, { 'content-type': 'text/html' }).end(`<h1>Bad gateway</h1><pre>${echo}</pre>`);
  if (way === 'wrong_shape')
    return void response
      .writeHead(method === 'GET' ? 500 : 200, { 'content-type': 'application/json' })
      .end(
        JSON.stringify({ object: 'Checkpoint', account_id: 'nobody', checkpoint: { type: [echo], qrcode: { echo } } }),
      );
  if (way === 'redirect') return void response.writeHead(302, { location: `/?${encodeURIComponent(echo)}` }).end();
  if (way === 'reset') return void request.socket.destroy();

  const passed = await passOn(translation, method, url, request.headers['content-type'], body);
  if (method === 'POST' && url.endsWith('/webhooks')) remember(registered, body);
  if (way === 'lost_answer') return void request.socket.destroy();
  response.writeHead(passed.status, { 'content-type': 'application/json' }).end(passed.text);
}

/** The call at the sandbox, with its own key and code; account objects get the canary's name. */
async function passOn(
  { upstream, key, rightCodes, displayName }: Translation,
  method: string,
  path: string,
  type: string | undefined,
  body: string,
): Promise<{ status: number; text: string }> {
  const sent = rightCodes.reduce((text, code) => text.replace(JSON.stringify(code), '"123456"'), body);
  const answered = await fetch(new URL(path, upstream), {
    method,
    headers: { 'x-api-key': key.real, ...(type ? { 'content-type': type } : {}) },
    ...(body ? { body: sent } : {}),
  });
  const text = await answered.text();
  const json = JSON.parse(text) as Record<string, unknown>;
  const named = json['object'] === 'Account' ? JSON.stringify({ ...json, name: displayName }) : text;
  return { status: answered.status, text: named };
}

function remember(registered: FaultyProvider['registered'], body: string): void {
  const { request_url: address, headers } = JSON.parse(body) as {
    request_url: string;
    headers: { key: string; value: string }[];
  };
  registered.addresses.push(address);
  registered.headers.push(...headers.filter(({ key }) => /secret/i.test(key)).map(({ value }) => value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
