import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

/** A server in front of a TCP address. */
export interface Proxy {
  address: string;
  close(): void;
}

/** PEM files of a CA, and of a server's and a client's certificate which it signed. */
export interface Certificates {
  ca: string;
  server: { cert: string; key: string };
  client: { cert: string; key: string };
  remove(): void;
}

/** `name` is the one in the server's certificate. */
export function createCertificates(openssl: string, name: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-certificates-'));
  const file = (of: string): string => join(folder, of);
  const run = (...args: string[]): void => void execFileSync(openssl, args, { stdio: 'pipe' });
  const ca = { cert: file('ca.pem'), key: file('ca.key') };
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];
  run('req', '-x509', ...newKey, ca.key, '-out', ca.cert, '-days', '2', '-subj', '/CN=ca');
  const signed = (of: string): { cert: string; key: string } => {
    const [cert, key, request, extensions] = [
      file(`${of}.pem`),
      file(`${of}.key`),
      file(`${of}.csr`),
      file(`${of}.ext`),
    ];
    writeFileSync(extensions, `subjectAltName=DNS:${of}\nbasicConstraints=critical,CA:FALSE\n`);
    run('req', '-new', ...newKey, key, '-out', request, '-subj', `/CN=${of}`);
    const by = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial'];
    run('x509', '-req', '-in', request, ...by, '-days', '2', '-extfile', extensions, '-out', cert);
    return { cert, key };
  };
  return {
    ca: ca.cert,
    server: signed(name),
    client: signed('client'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Forwards what comes over HTTP/2 with a certificate that the CA signed. */
export function startTlsProxy(to: string, { ca, server }: Certificates): Promise<Proxy> {
  const options = {
    ca: readFileSync(ca),
    cert: readFileSync(server.cert),
    key: readFileSync(server.key),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
  };
  return serve(createTlsServer(options, forwardTo(to)), 0);
}

export const startProxy = (to: string, port = 0): Promise<Proxy> => serve(createServer(forwardTo(to)), port);

const forwardTo =
  (to: string) =>
  (socket: Socket): void => {
    const [host = '', port] = to.split(':');
    const upstream = connect(Number(port), host);
    socket.pipe(upstream).pipe(socket);
    for (const one of [socket, upstream])
      one.on('error', () => {
        socket.destroy();
        upstream.destroy();
      });
  };

async function serve(server: Server, port: number): Promise<Proxy> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
