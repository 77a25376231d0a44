import type { Report } from '../../dev/parts/progress.ts';
import type { BenchStack } from '../stack.ts';
import type { Target } from '../target.ts';
import { freePort, type Program, type Programs, type Tools } from './programs.ts';

/** One way to take webhooks in. */
export interface Side {
  name: string;
  target: Target;
  /** Where its messages are. */
  table: string;
  /** Goals of the product against it. */
  goals: { rate: number; p99: number | null } | null;
  /** Of its programs, without PostgreSQL. */
  pids(): readonly (number | null)[];
  /** The program that answers webhooks, and what it needs, to be killed. */
  kill(): Promise<void>;
}

/** The product, and each baseline whose tools are here; the others are reported in a line. Without tools the plain one alone. */
export async function startSides(
  stack: BenchStack,
  target: Target,
  tools: Tools | null,
  programs: Programs,
  report: Report,
): Promise<[Side, ...Side[]]> {
  const ours: Side = {
    name: 'ours',
    target,
    table: 'messages',
    goals: null,
    pids: () => [stack.describe().pids.api],
    kill: async () => void process.kill(stack.describe().pids.api ?? 0, 'SIGKILL'),
  };
  const side = async (
    name: string,
    goals: Side['goals'],
    start: (port: number) => Promise<Program[]>,
  ): Promise<Side> => {
    const port = await freePort();
    const started = await start(port);
    const address = `http://127.0.0.1:${port}/webhook`;
    const kill = async (): Promise<void> => {
      for (const one of started) await one.kill();
      for (const one of started) await one.start();
    };
    const pids = (): (number | null)[] => started.map((one) => one.pid());
    return { name, target: { ...target, address }, table: 'bench.messages', goals, pids, kill };
  };
  const on = (port: number, redis = 0) => ({ BENCH_PORT: String(port), BENCH_REDIS_PORT: String(redis) });
  const sides: [Side, ...Side[]] = [
    ours,
    await side('insert per request', { rate: 1.2, p99: 1 }, async (port) => [
      await programs.start(process.execPath, ['insert.mjs'], port, on(port)),
    ]),
  ];
  if (!tools) return sides;
  if (tools.redis !== null) {
    report(`BullMQ and Celery are skipped: ${tools.redis}`);
    return sides;
  }
  const redis = await freePort();
  const server = await programs.redis(redis);
  sides.push(
    await side('BullMQ', { rate: 1.7, p99: null }, async (port) => [
      server,
      await programs.start(process.execPath, ['queue-worker.mjs'], null, on(port, redis), tools.folder),
      await programs.start(process.execPath, ['queue.mjs'], port, on(port, redis), tools.folder),
    ]),
  );
  if (tools.python !== null) report(`Celery is skipped: ${tools.python}`);
  else
    sides.push(
      await side('Celery', { rate: 4, p99: null }, async (port) => [
        server,
        await programs.start(
          'venv/bin/celery',
          ['-A', 'celery_app', 'worker', '--concurrency', '2'],
          null,
          on(port, redis),
          tools.folder,
        ),
        await programs.start(
          'venv/bin/gunicorn',
          ['--bind', `127.0.0.1:${port}`, '--worker-class', 'gthread', '--threads', '16', 'celery_app:web'],
          port,
          on(port, redis),
          tools.folder,
        ),
      ]),
    );
  return sides;
}
