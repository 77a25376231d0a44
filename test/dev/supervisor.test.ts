import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify, isRunning, type ProcessIdentity } from '../../dev/parts/process-identity.ts';
import { type Part, type PartSpec, startPart } from '../../dev/parts/supervisor.ts';
import type { Program } from '../../dev/parts/run.ts';

describe('a supervised part', () => {
  let folder: string;
  let reported: string[];
  let changed: () => void;
  let starting: AbortController;
  const parts: Part[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'patchbay-supervisor-'));
    reported = [];
    changed = () => {};
    starting = new AbortController();
  });
  afterEach(async () => {
    await Promise.all(parts.splice(0).map((part) => part.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  /** Ready after it printed `ready`. */
  function scripted(lines: string, over: Partial<PartSpec> = {}): PartSpec {
    const script = join(folder, 'part.mjs');
    writeFileSync(script, lines);
    return {
      name: 'part',
      program: { script },
      env: process.env,
      isReady: (run) => run.printed().includes('ready'),
      readyWithinMs: 20_000,
      graceMs: 300,
      ...over,
    };
  }

  const NOT_OURS: Program = { binary: '/bin/sleep', args: ['600'], user: null, stopSignal: 'SIGTERM' };
  const STAYS = `console.log('ready'); setInterval(() => {}, 1000);`;

  async function start(spec: PartSpec): Promise<Part> {
    const around = { logs: folder, report: (line: string) => void reported.push(line), signal: starting.signal };
    const part = await startPart(spec, { ...around, onChange: () => changed() });
    parts.push(part);
    return part;
  }

  /** Checks a condition after each change of the part. */
  function untilChange(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      changed = () => void (holds() && resolve());
      changed();
    });
  }

  function identity(part: Part): ProcessIdentity {
    const found = identify(part.pid() ?? -1);
    if (!found) throw new Error('the part does not run');
    return found;
  }

  /** Waits for the end of a process that is not our child. */
  async function untilEnded(process: ProcessIdentity): Promise<void> {
    while (isRunning(process)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('is restarted when it is killed, and reports its new pid', async () => {
    const part = await start(scripted(STAYS));
    const first = identity(part);
    process.kill(first.pid, 'SIGKILL');
    await untilChange(() => part.pid() !== null && part.pid() !== first.pid);
    expect(isRunning(identity(part))).toBe(true);
    expect(reported[0]).toContain('part ended (SIGKILL); starting it again');
  });

  test('that is not ours has a child guard, reports its own pid, and is restarted too', async () => {
    const part = await start(scripted('', { program: NOT_OURS, isReady: (run) => run.pid() !== null }));
    const first = identity(part);
    expect(part.processes().map(({ pid }) => pid)).toContain(first.pid);
    expect(part.processes()).toHaveLength(2);
    process.kill(first.pid, 'SIGKILL');
    await untilChange(() => part.pid() !== null && part.pid() !== first.pid);
    expect(isRunning(identity(part))).toBe(true);
  });

  test('ends when its child guard is killed', async () => {
    const part = await start(scripted('', { program: NOT_OURS, isReady: (run) => run.pid() !== null }));
    const other = identity(part);
    const guard = part.processes().find(({ pid }) => pid !== other.pid);
    process.kill(guard?.pid ?? 0, 'SIGKILL');
    await untilEnded(other);
  });

  test('is stopped by SIGTERM when it handles that', async () => {
    const reported = join(folder, 'reported');
    const part = await start(
      scripted(
        `import { writeFileSync } from 'node:fs'; process.on('SIGTERM', () => { writeFileSync('${reported}', 'bye'); process.exit(0); }); ${STAYS}`,
        { graceMs: 20_000 },
      ),
    );
    await part.stop();
    expect(readFileSync(reported, 'utf8')).toBe('bye');
    expect(part.pid()).toBeNull();
  });

  test('is killed after its grace when it ignores SIGTERM', async () => {
    const part = await start(scripted(`process.on('SIGTERM', () => {}); ${STAYS}`));
    const process_ = identity(part);
    await part.stop();
    expect(isRunning(process_)).toBe(false);
  });

  test('that ends before it is ready is one line with its last error message', async () => {
    const failing = start(scripted(`console.error('error: no such table'); process.exit(3);`));
    await expect(failing).rejects.toThrow(/^part ended \(exit code 3\); the end of .*part\.log: error: no such table$/);
  });

  test('whose start is aborted is ended', async () => {
    const aborted = start(scripted(`setInterval(() => {}, 1000);`));
    starting.abort();
    await expect(aborted).rejects.toThrow('aborted');
  });

  test('ends when its supervisor is killed', async () => {
    const supervisor = join(folder, 'supervisor.ts');
    const { script } = scripted(STAYS).program as { script: string };
    const parts = new URL('../../dev/parts/', import.meta.url);
    writeFileSync(
      supervisor,
      `import { startPart } from '${new URL('supervisor.ts', parts).pathname}';
      const around = { logs: '${folder}', report: console.log, signal: new AbortController().signal, onChange: () => {} };
      const common = { env: process.env, readyWithinMs: 20_000, graceMs: 1_000 };
      const ours = { name: 'ours', program: { script: '${script}' }, isReady: (run) => run.printed().includes('ready') };
      const program = { binary: '/bin/sleep', args: ['600'], user: null, stopSignal: 'SIGTERM' };
      const other = { name: 'other', program, isReady: (run) => run.pid() !== null };
      const started = await Promise.all([ours, other].map((spec) => startPart({ ...spec, ...common }, around)));
      console.log('pids', started.map((part) => part.pid()).join(' '));`,
    );
    const child = spawn(process.execPath, [supervisor], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
    const running = line
      .trim()
      .split(' ')
      .slice(1)
      .map((pid) => identify(Number(pid)));
    expect(running).toEqual([expect.anything(), expect.anything()]);
    child.kill('SIGKILL');
    for (const process of running) if (process) await untilEnded(process);
  });
});
