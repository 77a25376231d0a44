import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProviderFailure } from '../../../domain/failures.ts';
import type { Channel } from '../../../domain/channels.ts';
import type { LoginInput, LoginProgress, ProviderCall } from '../../../providers/provider.ts';

/** A server that answers what a test says: UniPile at its worst, and everything that can stand before it. */
export interface Peer {
  dsn: string;
  /** Takes each request with its JSON body, or null without one. */
  answer: (response: ServerResponse, request: IncomingMessage, body: any) => void;
  says(status: number, body: unknown, headers?: Record<string, string>): void;
  close(): void;
}

export async function startPeer(): Promise<Peer> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (text += part));
    request.on('end', () => peer.answer(response, request, text.startsWith('{') ? JSON.parse(text) : null));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: Peer = {
    dsn: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: (response) => response.end(),
    says(status, body, headers = {}) {
      peer.answer = (response) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      };
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return peer;
}

/** What a verb needs, for UniPile at `dsn`. */
export const callTo = (dsn: string, change: Partial<ProviderCall> = {}): ProviderCall => ({
  settings: { dsn, access_token: 'sandbox-key' },
  reach: 'any',
  channel: 'linkedin',
  providerAccountId: 'acc',
  now: Date.now(),
  ...change,
});

export const qr: LoginInput = { method: 'qr', credentials: {} };

/** The input of a login of the scenario that the user name chooses. */
export function inputFor(channel: Channel, user: string): LoginInput {
  const mail = { imap_host: 'i.example', imap_port: 993, smtp_host: 's.example', smtp_port: 587 };
  const users = { imap_user: user, imap_password: 'p', smtp_user: user, smtp_password: 'p' };
  const credentials = channel === 'mail' ? { ...mail, ...users } : { username: user, password: 'correct horse' };
  return { method: 'credentials', credentials };
}

/** The step that a login is at; throws when there is none. */
export function openStep(progress: LoginProgress): Extract<LoginProgress['next'], { linked: false }> {
  if (progress.next.linked) throw new Error('the login is done');
  return progress.next;
}

/** The failure with which `work` ends; throws when it ends otherwise. */
export async function failureOf(work: Promise<unknown>): Promise<ProviderFailure> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProviderFailure)) throw new Error('no failure of a provider', { cause: error });
  return error;
}
