import { proxySinks, type Sinks, type WorkflowInterceptors } from '@temporalio/workflow';

/** The commands of workflow code, in order. */
export interface ObserverSinks extends Sinks {
  observer: { asked(command: { kind: string; name: string; input: unknown }): void };
}

/** Runs inside the replayed workflow and reports activities with input and options, and timers with their length. */
export const interceptors = (): WorkflowInterceptors => {
  const { observer } = proxySinks<ObserverSinks>();
  return {
    outbound: [
      {
        scheduleActivity(input, next) {
          const { taskQueue: _queue, ...options } = input.options;
          observer.asked({ kind: 'activity', name: input.activityType, input: { args: input.args, options } });
          return next(input);
        },
        startTimer(input, next) {
          observer.asked({ kind: 'timer', name: 'timer', input: input.durationMs });
          return next(input);
        },
      },
    ],
  };
};
