import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { followSandbox, systemClock, type Clock } from '../../platform/clock.ts';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';
import { createControl } from '../support/control.ts';
import { eventually } from '../support/eventually.ts';

const hour = 3_600_000;

/** In whole hours. */
const hoursAhead = (clock: Clock): number => Math.round((clock.now().getTime() - Date.now()) / hour);

it("is the machine's time by default", () => expect(hoursAhead(systemClock)).toBe(0));

describe('a clock that follows the sandbox', () => {
  let sandbox: Sandbox;
  let clock: ReturnType<typeof followSandbox>;
  let jumps = 0;
  beforeEach(async () => {
    jumps = 0;
    sandbox = await startSandbox();
    clock = followSandbox(sandbox.controlUrl, () => jumps++);
  });
  afterEach(async () => {
    clock.stop();
    await sandbox.close();
  });
  const advance = (hours: number) =>
    createControl(sandbox.controlUrl).post('/clock', { advance_seconds: hours * 3_600 });

  it('follows the sandbox, and reports each jump once', async () => {
    expect(hoursAhead(clock)).toBe(0);
    await advance(2);
    await eventually('two hours ahead', async () => hoursAhead(clock) === 2);
    await advance(3);
    await eventually('five hours ahead', async () => hoursAhead(clock) === 5);
    expect(jumps).toBe(2);
  });

  it('keeps its time when the sandbox is down', async () => {
    await advance(2);
    await eventually('two hours ahead', async () => hoursAhead(clock) === 2);
    await sandbox.close();
    await expect(fetch(sandbox.controlUrl)).rejects.toThrow();
    expect(hoursAhead(clock)).toBe(2);
  });

  it('stops following after stop', async () => {
    clock.stop();
    await advance(2);
    const other = followSandbox(sandbox.controlUrl);
    await eventually('another clock two hours ahead', async () => hoursAhead(other) === 2);
    other.stop();
    expect(Math.abs(hoursAhead(clock))).toBe(0);
  });
});

it('keeps its time when another server answers in place of the sandbox', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not here"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clock = followSandbox(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await eventually('some answers', async () => asked >= 3);
    expect(hoursAhead(clock)).toBe(0);
  } finally {
    clock.stop();
    server.closeAllConnections();
    server.close();
  }
});
