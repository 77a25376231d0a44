import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from '../../dev/parts/home.ts';
import { processEnv } from '../support/process-env.ts';
import type { TestStack } from '../support/stack.ts';

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** `env` is the whole environment. */
export const run = (
  script: string,
  args: string[],
  env: Record<string, string | undefined>,
  timeout = 60_000,
): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { cwd: PROJECT, env: { ...processEnv, ...env } as NodeJS.ProcessEnv, timeout };
    execFile(process.execPath, [join(PROJECT, script), ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });

/** The `patchbay` command. */
export const patchbay = (env: Record<string, string | undefined>, ...args: string[]): Promise<Ended> =>
  run('cli/main.ts', args, env);

/** The output of `--json`; fails with the command's error. */
export const answerOf = async (env: Record<string, string | undefined>, ...args: string[]): Promise<any> =>
  jsonOf(args, await patchbay(env, ...args, '--json'));

/** What a command with `args` printed. Throws its error when it printed nothing. */
export function jsonOf(args: readonly string[], { code, stdout, stderr }: Ended): any {
  if (stdout === '') throw new Error(`patchbay ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** No local stack runs there. */
export const noHome = { PATCHBAY_HOME: '/nonexistent' };

/** The environment of a command that works on a test's stack. */
export const commandEnv = ({ config }: TestStack): Record<string, string> => ({
  ...noHome,
  DATABASE_URL: config.DATABASE_URL,
  TEMPORAL_ADDRESS: config.TEMPORAL_ADDRESS,
  TEMPORAL_TASK_QUEUE: config.TEMPORAL_TASK_QUEUE,
  ENCRYPTION_KEY: config.ENCRYPTION_KEY,
  PUBLIC_URL: config.PUBLIC_URL,
  MEDIA_FOLDER: config.MEDIA_FOLDER,
  SANDBOX_CONTROL_URL: config.SANDBOX_CONTROL_URL ?? '',
});
