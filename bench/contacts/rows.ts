import type { Cost } from '../measure.ts';
import { atMost, faster, informative, median, type Row } from '../row.ts';

/** The state of the address book before a sync, in this order. */
export const cases = ['first sync', 'unchanged', '5 % changed'] as const;

export interface Measured {
  of: (typeof cases)[number];
  side: 'ours' | 'bare' | 'orm';
  entries: number;
  cost: Cost;
  temporal: { actions: number; events: number } | null;
}

/** The least ratios of entries a second. */
const goals = { bare: 0.8, orm: 8 };
/** The most for a run in Temporal: actions, beside one for each minute, and history events. */
const temporalGoals = { actions: 3, events: 11 };

/** Of each number the median of the rounds. */
export function rowsFor(all: readonly Measured[]): Row[] {
  const middle = (of: string, side: Measured['side'], value: (one: Measured) => number): number =>
    median(all.filter((one) => one.of === of && one.side === side).map(value));
  return cases.flatMap((of) => {
    const path = (what: string): string => `contacts, ${of}: ${what}`;
    const both = (what: string, value: (cost: Cost) => number): Row => {
      const [ours, bare] = [
        middle(of, 'ours', ({ cost }) => value(cost)),
        middle(of, 'bare', ({ cost }) => value(cost)),
      ];
      return informative(path(what), ours, 'bare loop', bare);
    };
    const ours = (value: (one: Measured) => number): number => middle(of, 'ours', value);
    const minutes = Math.ceil(ours(({ cost }) => cost.seconds) / 60);
    const rate = ours(perSecond);
    return [
      faster(path('rows/s'), rate, 'bare loop', middle(of, 'bare', perSecond), goals.bare),
      ...(of === 'first sync'
        ? [faster(path('rows/s'), rate, 'row-by-row ORM upserts', middle(of, 'orm', perSecond), goals.orm)]
        : []),
      of === 'unchanged'
        ? atMost(
            path('rows rewritten'),
            ours(({ cost }) => cost.rowsWritten),
            'none',
            0,
          )
        : both('rows written', (cost) => cost.rowsWritten),
      both('CPU s, worker', (cost) => cost.cpu.worker),
      both('CPU s, PostgreSQL', (cost) => cost.cpu.postgres),
      both('CPU s, Temporal', (cost) => cost.cpu.temporal),
      both('WAL bytes', (cost) => cost.walBytes),
      both('provider calls', (cost) => cost.calls),
      atMost(
        path('Temporal actions'),
        ours(({ temporal }) => temporal?.actions ?? 0),
        'budget',
        temporalGoals.actions + minutes,
      ),
      atMost(
        path('history events'),
        ours(({ temporal }) => temporal?.events ?? 0),
        'budget',
        temporalGoals.events,
      ),
    ];
  });
}

const perSecond = ({ entries, cost }: Measured): number => entries / cost.seconds;

export const inWords = (round: number, one: Measured): string =>
  `  round ${round || '0 (warming up)'}, ${one.of}, ${one.side}: ${one.entries} in ${one.cost.seconds.toFixed(2)} s`;
