// Runs one program that is not ours (PostgreSQL, Temporal) as its child, and ends it on request or with the supervisor:
// such a program does not watch its parent process.
import { spawn } from 'node:child_process';

/** JSON in this process's first argument. `graceMs`: from the stop signal to SIGKILL. */
export type GuardedChild = {
  command: string;
  args: string[];
  user: { uid: number; gid: number } | null;
  stopSignal: NodeJS.Signals;
  graceMs: number;
};

const guarded = JSON.parse(process.argv[2] ?? '') as GuardedChild;
// Files of the program are readable by its own user only.
process.umask(0o077);
const child = spawn(guarded.command, guarded.args, { stdio: ['ignore', 'inherit', 'inherit'], ...guarded.user });
let stopping = false;

child.once('spawn', () => process.send?.({ pid: child.pid }));
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code) => process.exit(code ?? 1));

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('disconnect', stop);

function stop(): void {
  if (stopping) return;
  stopping = true;
  child.kill(guarded.stopSignal);
  setTimeout(() => child.kill('SIGKILL'), guarded.graceMs);
}
