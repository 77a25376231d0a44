import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryHome, openCache, openHome } from '../../dev/parts/home.ts';
import { isolate } from '../../dev/parts/isolate.ts';
import { findTemporalCli } from '../../dev/parts/temporal-cli.ts';
import { bypassProxyForLoopback } from '../../platform/loopback.ts';
import { createClient } from '../support/client.ts';

let folder: string;
beforeAll(() => {
  folder = makeTemporaryHome('shell');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The folder that the table of addresses names. */
const logs = (output: string): string => /^ +Logs +(.*)$/m.exec(output)?.[1] ?? '';

it('`npm start` connects an account in a shell with a dead proxy, settings of psql, and a home of odd characters', async () => {
  const cli = await findTemporalCli(process.env, () => undefined, new AbortController().signal);
  const home = join(folder, 'a#b%20c d');
  const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, ...inherited } = process.env;
  const env = {
    ...inherited,
    PATCHBAY_HOME: home,
    TEMPORAL_CLI_PATH: cli,
    HOME: '/proc/none',
    PATCHBAY_CACHE: '',
    XDG_CACHE_HOME: '',
    HTTP_PROXY: 'http://127.0.0.1:1',
    http_proxy: 'http://127.0.0.1:1',
    grpc_proxy: 'http://127.0.0.1:1',
    NO_PROXY: 'intranet.example',
    PGSSLMODE: 'require',
    PGOPTIONS: '-c no.such_setting',
    PGDATABASE: 'elsewhere',
  };
  const started = spawn(process.execPath, ['dev/start.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => void started.once('exit', resolve));
  try {
    let output = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (part: Buffer) => {
          output += part.toString();
          if (output.includes('Patchbay is ready')) resolve();
        });
      void ended.then((code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
    });
    for (const name of ['api', 'worker']) expect(readdirSync(logs(output))).toContain(`${name}.log`);
    expect(output.match(/metrics +http:\/\/127\.0\.0\.1:\d+\/metrics$/gm)).toHaveLength(2);
    const { api_url: url, api_key: key } = JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8'));
    const asked = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
    const { body } = await createClient(url, key).post('/api/v1/accounts', asked);
    expect(body.attempt.step.kind).toBe('qr');
  } finally {
    started.kill('SIGTERM');
    expect(await ended).toBe(0);
  }
}, 120_000);

it('keeps the Temporal database in its home, whatever the name of the home', () =>
  expect(
    readFileSync(join(folder, 'a#b%20c d', 'temporal.db'))
      .subarray(0, 6)
      .toString(),
  ).toBe('SQLite'));

describe('variables of the shell', () => {
  it('of PostgreSQL clients stay where DATABASE_URL names a server of the user', () => {
    const environment = { DATABASE_URL: 'postgres://a@b/c', PGSSLMODE: 'require' };
    isolate(environment);
    expect(environment.PGSSLMODE).toBe('require');
  });

  it('that name hosts without a proxy are kept, and loopback is added', () => {
    const environment: NodeJS.ProcessEnv = { https_proxy: 'http://proxy.example', no_proxy: 'intranet.example' };
    bypassProxyForLoopback(environment);
    for (const name of ['NO_PROXY', 'no_proxy', 'no_grpc_proxy'])
      expect(environment[name]?.split(',')).toEqual(['intranet.example', 'localhost', '127.0.0.1', '::1', '[::1]']);
  });

  it('are left alone where no proxy is set', () => {
    const environment: NodeJS.ProcessEnv = {};
    bypassProxyForLoopback(environment);
    expect(environment).toEqual({});
  });
});

describe('a folder that cannot be used', () => {
  it('is named with the variable that sets it', () => {
    expect(() => openHome({ PATCHBAY_HOME: '/proc/none' })).toThrow(/^\/proc\/none cannot be used.*set PATCHBAY_HOME/);
    expect(() => openCache({ PATCHBAY_CACHE: '/proc/none' })).toThrow(/\/proc\/none: .*set PATCHBAY_CACHE/);
  });

  it('of the user’s cache is replaced by one in the home', () => {
    const home = join(folder, 'home');
    expect(openCache({ XDG_CACHE_HOME: '/proc/none', PATCHBAY_HOME: home })).toBe(join(home, 'cache'));
  });
});
