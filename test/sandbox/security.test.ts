import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { processEnv } from '../support/process-env.ts';

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));

/** With settings of which some could make it listen everywhere. */
const run = (env: Record<string, string>) =>
  spawn(process.execPath, [main], {
    env: {
      ...processEnv,
      PATCHBAY_SANDBOX_PORT: '0',
      PATCHBAY_SANDBOX_CONTROL_PORT: '0',
      HOST: '0.0.0.0',
      PATCHBAY_SANDBOX_HOST: '0.0.0.0',
      ...env,
    },
    stdio: 'pipe',
  });

/** Addresses of this machine that other machines reach. */
const outside = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);

const listens = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const answer = (yes: boolean) => (): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false));
  });

describe('SECURITY 23: the sandbox', () => {
  it('is refused with NODE_ENV=production, before it listens anywhere', async () => {
    const child = run({ NODE_ENV: 'production' });
    let out = '';
    let wrong = '';
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (wrong += part.toString()));
    const [code] = await once(child, 'close');
    expect(code).not.toBe(0);
    expect(out).toBe('');
    expect(wrong.trim().split('\n')).toEqual([expect.stringContaining('NODE_ENV=production')]);
  });

  it('listens on loopback only, with its control and with its providers', async () => {
    const child = run({ NODE_ENV: 'test' });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const urls = Object.values(JSON.parse(line.toString()) as Record<string, string>).map((url) => new URL(url));
      expect(urls.length).toBeGreaterThan(1);
      for (const { hostname, port } of urls) {
        expect(hostname).toBe('127.0.0.1');
        expect(await listens('127.0.0.1', Number(port))).toBe(true);
        for (const address of outside)
          expect([address, await listens(address, Number(port))]).toEqual([address, false]);
      }
    } finally {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  });
});
