import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds since 1970 with parts, the same in each process of this machine. */
const wallMs = (): number => performance.timeOrigin + performance.now();

/** An event. */
interface Told {
  data: { message_id: string };
}

/** An endpoint that takes every webhook, and remembers when each message was told first. */
export class Receiver {
  readonly #server: Server;
  readonly #arrived = new Map<string, number>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(204).end();
        const { data } = JSON.parse(Buffer.concat(parts).toString()) as { data: Told | { events: Told[] } };
        const at = wallMs();
        for (const { data: message } of 'events' in data ? data.events : [data])
          if (!this.#arrived.has(message.message_id)) this.#arrived.set(message.message_id, at);
      });
    });
    // Longer than any pause between two deliveries: a connection that ends just then would be a failed try.
    this.#server.keepAliveTimeout = 600_000;
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhooks`;
  }

  /** When a message was told, by `wallMs`; undefined: not yet. */
  at(message: string): number | undefined {
    return this.#arrived.get(message);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
