import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { processEnv } from '../support/process-env.ts';

export const project = fileURLToPath(new URL('../../', import.meta.url));

/** With these settings only. */
export interface RoleProcess {
  /** Both streams. */
  output(): string;
  /** Waits for a text in the output, in milliseconds; fails when the command ends before. */
  prints(text: string, withinMs?: number): Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<{ code: number | null; output: string }>;
  /** SIGTERM, as a container runtime sends it; returns the exit code. */
  stop(): Promise<number | null>;
}

/** `folder`: a checkout, this one where it is left out. */
export function startRole(
  [program = '', ...args]: readonly string[],
  settings: Record<string, string>,
  folder = project,
): RoleProcess {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...processEnv, HOME: process.env.HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
  return {
    output: () => output,
    prints: (text, withinMs) =>
      eventually(
        `"${text}" of ${args.join(' ')}`,
        () => {
          if (!output.includes(text) && child.exitCode !== null) throw new Error(`it ended: ${output}`);
          return Promise.resolve(output.includes(text));
        },
        withinMs,
      ),
    kill: (signal) => void child.kill(signal),
    ended,
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM');
      return (await ended).code;
    },
  };
}

/** Returns the output. Throws it when the command fails. */
export async function runRole(
  command: readonly string[],
  settings: Record<string, string>,
  folder = project,
): Promise<string> {
  const { code, output } = await startRole(command, settings, folder).ended;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${output}`);
  return output;
}
