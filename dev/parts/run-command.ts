import { execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from './home.ts';

export type Command = {
  command: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Called every 15 seconds with the seconds that have passed. */
  onTick: (seconds: number) => void;
  signal: AbortSignal;
  timeoutMs?: number;
};

/** Hides the output of a build tool. Returns null after success, else one line with the reason. */
export function runCommand({ command, args, cwd, env, onTick, signal, timeoutMs }: Command): Promise<string | null> {
  return new Promise((resolve) => {
    let printed = '';
    const began = Date.now();
    const child = spawn(command, args, { cwd, env, signal, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
    const ticking = setInterval(() => onTick(Math.round((Date.now() - began) / 1000)), 15_000);
    const keep = (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-4_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearInterval(ticking);
      resolve(error.code === 'ENOENT' ? `${command} is not installed` : `${command}: ${error.message}`);
    });
    child.once('close', (code, killedBy) => {
      clearInterval(ticking);
      resolve(code === 0 ? null : `${command} failed: ${killedBy ?? errorMessageIn(printed)}`);
    });
  });
}

/** Returns the command's standard output. Throws its error message when it fails. */
export const runCli = (args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> =>
  runNode(`patchbay ${args.join(' ')}`, ['cli/main.ts', ...args], env, signal);

/** The same of a script of the project. */
export const runScript = (args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> =>
  runNode(`node ${args.join(' ')}`, args, env, signal);

async function runNode(name: string, args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PROJECT, env, signal });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${name} failed: ${errorMessageIn(stderr || message)}`);
  }
}

/** The last line that names an error, else the last line. */
export function errorMessageIn(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '' && !/^\s+at |^Node\.js v/.test(line));
  const error = lines.findLast((line) => /error|fatal|panic|failed|patchbay:/i.test(line));
  return (error ?? lines.at(-1) ?? '(no output)')
    .trim()
    .replace(/^patchbay: /, '')
    .slice(0, 400);
}

/** The full path of a program on PATH, or null. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return null;
}
