import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));

interface Run {
  child: ChildProcess;
  firstLine: Promise<string>;
  ended: Promise<{ code: number | null; stderr: string }>;
}

function run(env: Record<string, string>): Run {
  const ports = { PATCHBAY_SANDBOX_PORT: '0', PATCHBAY_SANDBOX_CONTROL_PORT: '0' };
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, NODE_ENV: 'test', ...ports, ...env },
    stdio: 'pipe',
  });
  let stderr = '';
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  return {
    child,
    firstLine: new Promise((resolve) => child.stdout.once('data', (part: Buffer) => resolve(part.toString()))),
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr }))),
  };
}

describe('the sandbox command', () => {
  it('prints one line of JSON when ready and ends with 0 on SIGTERM', async () => {
    const { child, firstLine, ended } = run({});
    const urls = JSON.parse(await firstLine) as { unipile_url: string; control_url: string };
    expect(urls.unipile_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${urls.control_url}/calls`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, stderr: '' });
  });

  it('refuses production with one line', async () => {
    const { code, stderr } = await run({ NODE_ENV: 'production' }).ended;
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('NODE_ENV=production')]);
  });

  it('names a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await run({ PATCHBAY_SANDBOX_PORT: String(port) }).ended;
    server.close();
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(`Port ${port} is taken`)]);
  });
});
