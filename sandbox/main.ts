import { startSandbox } from './start.ts';

process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

function port(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    fail(`${name} is "${text}"; it must be a port number from 0 (any free port) to 65535`);
  }
  return value;
}

if (process.env.NODE_ENV === 'production') {
  fail('The sandbox does not run with NODE_ENV=production: its keys are public. Use the real providers there.');
}

const unipilePort = port('PATCHBAY_SANDBOX_PORT', 3911);
const controlPort = port('PATCHBAY_SANDBOX_CONTROL_PORT', 3910);

try {
  const sandbox = await startSandbox({ unipilePort, controlPort });
  process.stdout.write(`${JSON.stringify({ unipile_url: sandbox.unipileUrl, control_url: sandbox.controlUrl })}\n`);
} catch (error) {
  const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number };
  if (code !== 'EADDRINUSE') throw error;
  fail(`Port ${taken} is taken; set PATCHBAY_SANDBOX_PORT and PATCHBAY_SANDBOX_CONTROL_PORT to free ones (0: any).`);
}
