import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A connection to PostgreSQL that can be cut or stalled, and restored. */
export interface Proxy {
  /** The address of the database through the proxy. */
  url: string;
  cut(): void;
  /** Keeps every connection open, and passes nothing on. */
  stall(): void;
  mend(): void;
  stop(): Promise<void>;
}

export async function createProxy(databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let open = true;
  let flowing = true;
  const links = new Set<[from: Socket, to: Socket]>();
  const server = createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      const link: [from: Socket, to: Socket] = [one, other];
      sockets.add(one);
      links.add(link);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        links.delete(link);
        other.destroy();
      });
      if (flowing) one.pipe(other);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      open = false;
      drop();
    },
    stall: () => {
      flowing = false;
      for (const [from, to] of links) from.unpipe(to);
    },
    mend: () => {
      open = true;
      if (!flowing) for (const [from, to] of links) from.pipe(to);
      flowing = true;
    },
    stop: async () => {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}
