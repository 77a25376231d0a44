import { runCommand } from '../../cli/command.ts';
import { processEnv } from '../support/process-env.ts';
import { jsonOf, type Ended } from './run.ts';

/** Replaces what a stream prints by collecting it, until `restore`. */
function collect(stream: NodeJS.WriteStream): { text(): string; restore(): void } {
  const { write } = stream;
  let text = '';
  stream.write = ((part: string | Uint8Array) => {
    text += part.toString();
    return true;
  }) as typeof write;
  return { text: () => text, restore: () => void (stream.write = write) };
}

/**
 * The `patchbay` command in this process: for tests of what a command does, not of its process. `env` is the whole
 * environment. One at a time.
 */
export async function patchbayHere(env: Record<string, string | undefined>, ...args: string[]): Promise<Ended> {
  const before = { env: process.env, exitCode: process.exitCode };
  const [stdout, stderr] = [collect(process.stdout), collect(process.stderr)];
  process.env = { ...processEnv, ...env };
  process.exitCode = 0;
  try {
    await runCommand(args);
    return { code: Number(process.exitCode), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    Object.assign(process, before);
    for (const one of [stdout, stderr]) one.restore();
  }
}

/** The output of `--json`; fails with the command's error. */
export const answerHere = async (env: Record<string, string | undefined>, ...args: string[]): Promise<any> =>
  jsonOf(args, await patchbayHere(env, ...args, '--json'));
