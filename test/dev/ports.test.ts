import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { PORTS, reserveFreePort, reservePort, reservePorts } from '../../dev/parts/ports.ts';

describe('ports of the local stack', () => {
  const servers: Server[] = [];

  /** On the given port or a free one. */
  async function otherProgram(port = 0): Promise<number> {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return (server.address() as { port: number }).port;
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  test('is handed over while a client waits on it for the part', async () => {
    const port = await reserveFreePort();
    const client = connect(port.number, '127.0.0.1');
    await once(client, 'connect');
    const closed = once(client, 'close');
    await port.handOver();
    await closed;
    await port.release();
  });

  test('a taken default moves to a free port', async () => {
    // Another stack of the developer may hold it.
    await otherProgram(PORTS.api.fallback).catch(() => {});
    const port = await reservePort('api', {});
    await port.release();
    expect(port.number).not.toBe(PORTS.api.fallback);
    expect(port.number).toBeGreaterThan(0);
  });

  test('a taken explicit port is one clear error', async () => {
    const taken = await otherProgram();
    await expect(reservePort('postgres', { PATCHBAY_POSTGRES_PORT: String(taken) })).rejects.toThrow(
      `PATCHBAY_POSTGRES_PORT=${taken} is taken by another program: free it or set another port`,
    );
  });

  test.each(['http', '0', '70000', '39.5'])('%s is refused as a port', async (wanted) => {
    await expect(reservePort('api', { PATCHBAY_API_PORT: wanted })).rejects.toThrow(`PATCHBAY_API_PORT=${wanted}`);
  });

  test('a reserved port cannot be used by other programs until it is released', async () => {
    const port = await reserveFreePort();
    await expect(otherProgram(port.number)).rejects.toThrow('EADDRINUSE');
    await port.release();
    await expect(otherProgram(port.number)).resolves.toBe(port.number);
  });

  test('one port that cannot be reserved releases the others', async () => {
    const [first, taken] = [await reserveFreePort(), await otherProgram()];
    await first.release();
    const env = { PATCHBAY_API_PORT: String(first.number), PATCHBAY_TEMPORAL_PORT: String(taken) };
    await expect(reservePorts(['api', 'temporal'], env)).rejects.toThrow('PATCHBAY_TEMPORAL_PORT');
    await expect(otherProgram(first.number)).resolves.toBe(first.number);
  });

  test('every port has a default and a variable of its own', () => {
    const ports = Object.values(PORTS);
    expect(new Set(ports.map((port) => port.fallback)).size).toBe(ports.length);
    expect(new Set(ports.map((port) => port.variable)).size).toBe(ports.length);
  });

  test('a port stays reserved for its stack while the part that listens there is restarted', async () => {
    const port = await reserveFreePort();
    await port.handOver();
    const variable = { PATCHBAY_API_PORT: String(port.number) };
    await expect(reservePort('api', variable)).rejects.toThrow('is taken');
    await port.release();
    const again = await reservePort('api', variable);
    expect(again.number).toBe(port.number);
    await again.release();
  });
});
