import { backfillQueue } from '../../domain/workflow-ids.ts';
import { fail, pass, type Check, type Finding } from './check.ts';
import type { taskKinds } from '../../temporal/view.ts';

/** A poll lasts a minute at most: a worker that did not poll for longer is gone. In milliseconds. */
const gone = 75_000;

/** What must be polled, and by which of WORKER_ROLES. */
const work: { role: string; kind: keyof typeof taskKinds; queue(name: string): string }[] = [
  { role: 'workflows', kind: 'workflow', queue: (name) => name },
  { role: 'activities', kind: 'activity', queue: (name) => name },
  { role: 'backfill', kind: 'activity', queue: backfillQueue },
];

export const workers: Check = {
  name: 'workers',
  needs: ['Temporal'],
  otherwise: 'Ask again when Temporal answers.',
  look: async (subject) => {
    const view = subject.temporal();
    return Promise.all(
      work.map(async ({ role, kind, queue }): Promise<Finding> => {
        const name = queue(subject.config().TEMPORAL_TASK_QUEUE);
        const polling = (await view.pollers(name, kind)).filter(
          ({ lastSeen }) => Date.now() - lastSeen.getTime() < gone,
        );
        if (polling.length) return pass(`${polling.length} on ${name}`, role);
        return fail(
          `no worker polls ${name} for ${kind === 'workflow' ? 'workflows' : 'activities'}`,
          `Start a worker (npm run worker) with ${role} in WORKER_ROLES, on this TEMPORAL_TASK_QUEUE.`,
          role,
        );
      }),
    );
  },
};
