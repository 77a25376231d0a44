import { type Sandbox, type SandboxPorts, startSandbox } from './start.ts';

process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

/** Each port's variable and default. */
const PORTS: Record<keyof SandboxPorts, { variable: string; usual: number }> = {
  unipilePort: { variable: 'PATCHBAY_SANDBOX_PORT', usual: 3911 },
  wasenderPort: { variable: 'PATCHBAY_SANDBOX_WASENDER_PORT', usual: 3912 },
  controlPort: { variable: 'PATCHBAY_SANDBOX_CONTROL_PORT', usual: 3910 },
};
const NAMES = Object.keys(PORTS) as (keyof SandboxPorts)[];

/** The port asked for; null when none was. */
function asked(variable: string): number | null {
  const text = process.env[variable];
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    fail(`${variable} is "${text}"; it must be a port number from 0 (any free port) to 65535`);
  }
  return value;
}

/** A taken port that nobody asked for gives way to a free one. */
async function start(ports: SandboxPorts): Promise<Sandbox> {
  try {
    return await startSandbox(ports);
  } catch (error) {
    const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE') throw error;
    const name = NAMES.find((one) => ports[one] === taken);
    if (!name || asked(PORTS[name].variable) !== null) {
      fail(`Port ${taken} is taken; set ${PORTS[name ?? 'unipilePort'].variable} to a free one (0: any).`);
    }
    return start({ ...ports, [name]: 0 });
  }
}

if (process.env.NODE_ENV === 'production') {
  fail('The sandbox does not run with NODE_ENV=production: its keys are public. Use the real providers there.');
}

const ports = Object.fromEntries(NAMES.map((name) => [name, asked(PORTS[name].variable) ?? PORTS[name].usual]));
const { unipileUrl, wasenderUrl, controlUrl } = await start(ports);
process.stdout.write(
  `${JSON.stringify({ unipile_url: unipileUrl, wasender_url: wasenderUrl, control_url: controlUrl })}\n`,
);
