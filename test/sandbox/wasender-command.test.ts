import { spawn } from 'node:child_process';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));
const USUAL_PORT = 3912;

describe('the port of WASender in the sandbox command', () => {
  const usual = createServer();
  const other = createServer();
  const listen = (server: Server, port: number): Promise<void> =>
    new Promise((resolve) =>
      server
        .once('listening', resolve)
        .once('error', () => resolve())
        .listen(port, '127.0.0.1'),
    );

  beforeAll(() => Promise.all([listen(usual, USUAL_PORT), listen(other, 0)]));
  afterAll(() => {
    usual.close();
    other.close();
  });

  /** The command's first line, on either stream. */
  const start = (port: string): Promise<string> => {
    const ports = {
      PATCHBAY_SANDBOX_PORT: '0',
      PATCHBAY_SANDBOX_CONTROL_PORT: '0',
      PATCHBAY_SANDBOX_WASENDER_PORT: port,
    };
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NODE_ENV: 'test', ...ports },
      stdio: 'pipe',
    });
    return new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.once('data', (part: Buffer) => {
          resolve(part.toString());
          child.kill('SIGTERM');
        });
      }
    });
  };

  it('is a free one when the default is taken', async () => {
    const { wasender_url } = JSON.parse(await start(''));
    expect(wasender_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
    // Another sandbox may hold the port, and release it at any moment.
    if (usual.listening) expect(new URL(wasender_url).port).not.toBe(String(USUAL_PORT));
  });

  it('is an error when the requested one is taken', async () => {
    const { port } = other.address() as AddressInfo;
    expect(await start(String(port))).toContain(`Port ${port} is taken; set PATCHBAY_SANDBOX_WASENDER_PORT`);
  });
});
