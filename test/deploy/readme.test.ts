import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../../dev/parts/run-command.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { project } from './role-process.ts';

/** The code blocks of a page in a language, in order. */
const blocksOf = (page: string, language: string): string[] =>
  [...readFileSync(join(project, page), 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, one]) => one === language)
    .map(([, , block = '']) => block);

/** The README's shell blocks that talk to the running stack, in order. */
const blocks = blocksOf('README.md', 'sh').filter((block) => /\bcurl\b|\bnpx patchbay\b/.test(block));
const ranAll = '-- every block ran --';

/** Runs a text in one shell, which stops at the first failing command. */
function paste(
  text: string,
  env: Record<string, string | undefined>,
): Promise<{ code: number | null; output: string }> {
  const shell = spawn('bash', ['-euo', 'pipefail', '-s'], { cwd: project, env: { ...env }, stdio: 'pipe' });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  shell.stdin.on('error', () => undefined);
  shell.stdin.end(text);
  return new Promise((resolve, reject) => {
    shell.once('error', reject);
    shell.once('close', (code) => resolve({ code, output }));
  });
}

describe('a stack that was started from this checkout', () => {
  let real: RealStack;
  let curlHome: string;

  beforeAll(async () => {
    curlHome = mkdtempSync(join(tmpdir(), 'patchbay-readme-'));
    // With this, an error answer makes curl exit with 22.
    writeFileSync(join(curlHome, '.curlrc'), 'fail-with-body\nshow-error\n');
    real = await startRealStack();
  }, 120_000);
  afterAll(async () => {
    await real?.stop();
    rmSync(curlHome, { recursive: true, force: true });
  });

  it('names in stack.json where each process serves its metrics', async () => {
    const { metrics } = JSON.parse(readFileSync(real.stack.file, 'utf8')) as {
      metrics: { api: string; worker: string };
    };
    expect(await (await fetch(metrics.api)).text()).toContain('patchbay_http_request_seconds');
    expect(await (await fetch(metrics.worker)).text()).toContain('temporal_worker_task_slots_available');
  });

  (onPath('curl', process.env) ? it : it.skip)(
    "runs the README's shell blocks as they stand, pasted in order",
    async () => {
      expect(blocks.length).toBeGreaterThan(1);
      const before = readdirSync(project);
      const titled = blocks.map((block, n) => `echo '-- block ${n + 1} of ${blocks.length} --'\n${block}`);
      const text = [...titled, `echo '${ranAll}'\n`].join('\n');
      const { code, output } = await paste(text, { ...real.env, CURL_HOME: curlHome });
      if (code !== 0) throw new Error(`the shell ended with ${code}:\n${output}`);
      // A command that reads standard input would take the rest of the text.
      expect(output).toContain(ranAll);
      // The first block connects an account, the second one answers a checkpoint: both end with the account's state.
      const printed = output.split(/^-- .* --$/m).map((part) => part.trim().split('\n').at(-1));
      expect(printed.slice(1, 3)).toEqual(['active', 'active']);
      expect(readdirSync(project)).toEqual(before);
    },
    180_000,
  );

  (onPath('curl', process.env) ? it : it.skip)(
    "runs the guide's shell blocks as they stand, pasted in order",
    async () => {
      const shell = blocksOf('docs/integrate.md', 'sh');
      const titled = shell.map((block, n) => `echo '-- block ${n + 1} of ${shell.length} --'\n${block}`);
      const { code, output } = await paste([...titled, `echo '${ranAll}'\n`].join('\n'), real.env);
      if (code !== 0) throw new Error(`the shell ended with ${code}:\n${output}`);
      expect(output).toContain(ranAll);
      const printed = output.split(/^-- .* --$/m).map((part) => part.trim().split('\n').at(-1));
      expect(printed.slice(1, -1)).toEqual([
        'unipile, wasender, meta',
        expect.any(String),
        'code',
        'active',
        'active',
        '0',
        'redirect',
        '0',
        '1',
        '18',
        'is not known; did you mean account?',
      ]);
    },
    180_000,
  );

  it("runs the guide's TypeScript as it stands", async () => {
    const stack = JSON.parse(readFileSync(real.stack.file, 'utf8')) as { api_url: string; api_key: string };
    const file = join(curlHome, 'guide.ts');
    writeFileSync(file, blocksOf('docs/integrate.md', 'ts').join('\n'));
    const env = { ...real.env, PATCHBAY_API: `${stack.api_url}/api/v1`, PATCHBAY_KEY: stack.api_key };
    const { code, output } = await paste(`${process.execPath} ${file}`, env);
    expect([code, output.trim().split('\n').at(-1)]).toEqual([0, 'succeeded active']);
  }, 120_000);
});
