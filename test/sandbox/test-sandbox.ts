import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';

/** The body is the subject of tests, so it is not typed. */
export interface Answer {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface TestSandbox extends Sandbox {
  /** The path is below /api/v1. */
  unipile(method: string, path: string, body?: object | FormData, headers?: Record<string, string>): Promise<Answer>;
  control(method: string, path: string, body?: object): Promise<Answer>;
  /** By a scan; returns the account's id. */
  whatsapp(phone?: string): Promise<string>;
}

export async function startTestSandbox(file?: string): Promise<TestSandbox> {
  const base = await startSandbox({}, file);
  const sandbox: TestSandbox = {
    ...base,
    unipile(method, path, body, headers = {}) {
      const json = body !== undefined && !(body instanceof FormData);
      return ask(`${base.unipileUrl}/api/v1${path}`, {
        method,
        headers: { 'x-api-key': 'sandbox-key', ...(json && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: json ? JSON.stringify(body) : (body as FormData) }),
      });
    },
    control: (method, path, body) =>
      ask(`${base.controlUrl}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    async whatsapp(phone) {
      const { body } = await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' });
      await sandbox.control('POST', '/scan', { account_id: body.account_id, ...(phone !== undefined && { phone }) });
      return body.account_id;
    },
  };
  return sandbox;
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, body: type.includes('json') ? await response.json() : await response.bytes() };
}

export interface Received {
  headers: IncomingHttpHeaders;
  text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** The statuses of the next answers; afterwards 200. */
  answers: number[];
  /** Resolves after so many matching deliveries. */
  until(count: number, keep?: (one: Received) => boolean): Promise<Received[]>;
  close(): Promise<void>;
}

function parsed(text: string): Received['body'] {
  try {
    return text.startsWith('{') ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: number[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((req, res) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (part: string) => (text += part));
    req.on('end', () => {
      res.writeHead(answers.shift() ?? 200).end();
      received.push({ headers: req.headers, text, body: parsed(text) });
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answers,
    until: (count, keep = () => true) =>
      new Promise((resolve) => {
        const check = (): void => {
          const found = received.filter(keep);
          if (found.length < count) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export async function walk(sandbox: TestSandbox, path: string): Promise<{ items: Answer['body'][]; pages: number }> {
  const [base] = path.split('?');
  const items: Answer['body'][] = [];
  let next: string | null = path;
  let pages = 0;
  while (next !== null) {
    const { body }: Answer = await sandbox.unipile('GET', next);
    items.push(...body.items);
    pages++;
    next = body.cursor === null ? null : `${base}?cursor=${encodeURIComponent(body.cursor)}`;
  }
  return { items, pages };
}

export function form(fields: Record<string, string | string[]>, files: Record<string, File> = {}): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) data.append(name, one);
  for (const [name, file] of Object.entries(files)) data.append(name, file);
  return data;
}
