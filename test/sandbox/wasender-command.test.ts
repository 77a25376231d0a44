import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));
const USUAL_PORT = 3912;

describe('the port of WASender in the sandbox command', () => {
  const blocker = createServer();

  beforeAll(async () => {
    // Somebody else's sandbox may hold it already, which is as good.
    await new Promise((resolve) =>
      blocker.once('listening', resolve).once('error', resolve).listen(USUAL_PORT, '127.0.0.1'),
    );
  });
  afterAll(() => void blocker.close());

  /** What the command says first, on either stream. */
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

  it('gives way to a free one when the usual one is taken', async () => {
    const { wasender_url } = JSON.parse(await start(''));
    expect(wasender_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
    expect(new URL(wasender_url).port).not.toBe(String(USUAL_PORT));
  });

  it('is an error when one was asked for that is taken', async () => {
    expect(await start(String(USUAL_PORT))).toMatch(/Port 3912 is taken; set PATCHBAY_SANDBOX_WASENDER_PORT/);
  });
});
