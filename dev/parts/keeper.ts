// Holds one program that is not ours (PostgreSQL, Temporal) and ends it when the supervisor says so or is gone. The
// program cannot watch its parent itself, so this small process does.
import { spawn } from 'node:child_process';

/** What a keeper is told, as JSON in its first argument. `graceMs`: from the stop signal to SIGKILL. */
export type Kept = {
  command: string;
  args: string[];
  user: { uid: number; gid: number } | null;
  stopSignal: NodeJS.Signals;
  graceMs: number;
};

const kept = JSON.parse(process.argv[2] ?? '') as Kept;
// What the program writes is its user's alone.
process.umask(0o077);
const program = spawn(kept.command, kept.args, { stdio: ['ignore', 'inherit', 'inherit'], ...kept.user });
let stopping = false;

program.once('spawn', () => process.send?.({ pid: program.pid }));
program.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
program.once('exit', (code) => process.exit(code ?? 1));

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('disconnect', stop);

function stop(): void {
  if (stopping) return;
  stopping = true;
  program.kill(kept.stopSignal);
  setTimeout(() => program.kill('SIGKILL'), kept.graceMs);
}
