import { PROVIDERS } from './providers.ts';
import { startSandbox, type Sandbox, type SandboxPorts } from './start.ts';

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

const SERVERS = [
  ...PROVIDERS.map(({ name, port }) => ({ name, ...port })),
  { name: 'control', variable: 'PATCHBAY_SANDBOX_CONTROL_PORT', usual: 3910 },
] as const;

function requestedPort(variable: string): number | null {
  const text = process.env[variable];
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    fail(`${variable} is "${text}"; it must be a port number from 0 (any free port) to 65535`);
  }
  return value;
}

/** A default port that is taken is replaced by a free one. */
async function start(ports: SandboxPorts): Promise<Sandbox> {
  try {
    return await startSandbox(ports, process.env.PATCHBAY_SANDBOX_WORLD || undefined);
  } catch (error) {
    const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE') throw error;
    const { name, variable } = SERVERS.find((one) => ports[`${one.name}Port`] === taken) ?? SERVERS[0];
    if (requestedPort(variable) !== null) {
      fail(`Port ${taken} is taken; set ${variable} to a free one (0: any).`);
    }
    return start({ ...ports, [`${name}Port`]: 0 });
  }
}

if (process.env.NODE_ENV === 'production') {
  fail('The sandbox does not run with NODE_ENV=production: its keys are public. Use the real providers there.');
}

const ports: SandboxPorts = {};
for (const { name, variable, usual } of SERVERS) ports[`${name}Port`] = requestedPort(variable) ?? usual;
const sandbox = await start(ports);
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => void sandbox.close().finally(() => process.exit(0)));
const urls = SERVERS.map(({ name }) => [`${name}_url`, sandbox[`${name}Url`]]);
process.stdout.write(`${JSON.stringify(Object.fromEntries(urls))}\n`);
