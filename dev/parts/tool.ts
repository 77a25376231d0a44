import { spawn } from 'node:child_process';
import { complaintIn } from './complaint.ts';

export type Tool = {
  command: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Called every 15 seconds with the seconds that have passed. */
  say: (seconds: number) => void;
  signal: AbortSignal;
  timeoutMs?: number;
};

/** Runs a build tool quietly. Answers null when it succeeded, else in words why it did not. */
export function runTool({ command, args, cwd, env, say, signal, timeoutMs }: Tool): Promise<string | null> {
  return new Promise((resolve) => {
    let printed = '';
    const began = Date.now();
    const child = spawn(command, args, { cwd, env, signal, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
    const ticking = setInterval(() => say(Math.round((Date.now() - began) / 1000)), 15_000);
    const note = (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-4_000));
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearInterval(ticking);
      resolve(error.code === 'ENOENT' ? `${command} is not installed` : `${command}: ${error.message}`);
    });
    child.once('close', (code, killed) => {
      clearInterval(ticking);
      resolve(code === 0 ? null : `${command} failed: ${killed ?? complaintIn(printed)}`);
    });
  });
}
