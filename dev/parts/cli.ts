import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { complaintIn } from './complaint.ts';
import { PROJECT } from './home.ts';

/** Runs the `patchbay` command and answers what it printed. Throws its last line of complaint when it fails. */
export async function runCli(args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  try {
    const options = { cwd: PROJECT, env, signal };
    const { stdout } = await promisify(execFile)(process.execPath, ['cli/main.ts', ...args], options);
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    const { stderr, message } = error as Error & { stderr?: string };
    const why = complaintIn(stderr || message);
    throw new Error(`patchbay ${args.join(' ')} failed: ${why}`);
  }
}
