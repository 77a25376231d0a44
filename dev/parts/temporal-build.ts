import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './home.ts';
import type { Say } from './progress.ts';
import { runTool } from './tool.ts';

type Build = { target: string; env: NodeJS.ProcessEnv; say: Say; signal: AbortSignal };

/** Builds the Temporal CLI from our Go module into `target`. Answers null, or in words why it could not. */
export async function buildTemporal({ target, env, say, signal }: Build): Promise<string | null> {
  const next = `${target}.${process.pid}.new`;
  say('  Temporal CLI: building it from Go modules, once for this machine; this takes one to five minutes');
  const problem = await runTool({
    command: 'go',
    args: ['build', '-ldflags=-s -w', '-o', next, 'github.com/temporalio/cli/cmd/temporal'],
    cwd: join(PROJECT, 'dev/temporal'),
    // The Go that is installed, never one that it would download by itself.
    env: { ...env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
    say: (seconds) => say(`  Temporal CLI: still building after ${seconds} s`),
    signal,
  });
  if (problem === null) renameSync(next, target);
  else rmSync(next, { force: true });
  return problem;
}
