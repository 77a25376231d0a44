import { pauseAfter } from '../../domain/deliveries.ts';
import { createLanes, type InLane } from '../../services/outgoing/lanes.ts';
import { createSlots } from '../../services/outgoing/slots.ts';

interface Row extends InLane {
  n: number;
}
const row = (lane: string, n: number, nextTryAt = 0, tries = 0): Row => ({ lane, n, nextTryAt, tries });
/** The numbers of the deliveries that go next. */
const numbers = (rows: readonly Row[]): number[] => rows.map(({ n }) => n);

describe('lanes', () => {
  it('have one delivery under way each, in their order', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1), row('b', 2), row('a', 3)], 0);
    const first = lanes.next(1);
    expect([first, lanes.next(1), lanes.next(1)].map(numbers)).toEqual([[1], [2], []]);
    lanes.done(first);
    expect(numbers(lanes.next(1))).toEqual([3]);
    expect([lanes.size(), lanes.busy()]).toEqual([2, 2]);
  });

  it('give up what waits behind a try that failed, and read it again when its time has come', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1), row('a', 2), row('b', 3)], 0);
    const first = lanes.next(1);
    lanes.wait(first, 100);
    lanes.add([row('a', 4)], 0);
    expect([numbers(lanes.next(1)), lanes.next(1), lanes.leftOut()]).toEqual([[3], [], 3]);
    expect([lanes.lacking(99), lanes.lacking(100), lanes.nextAt()]).toEqual([[], ['a'], 100]);
    lanes.refill(['a'], [row('a', 1), row('a', 2)], 2, 100);
    const again = lanes.next(1);
    expect(numbers(again)).toEqual([1]);
    lanes.done(again);
    lanes.done(lanes.next(1));
    // As many as were asked for: there may be more.
    expect(lanes.lacking(100)).toEqual(['a']);
    lanes.refill(['a'], [row('a', 4)], 2, 100);
    expect(numbers(lanes.next(1))).toEqual([4]);
  });

  it('wait for a first delivery that is not due, and let others go on', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1, 50), row('a', 2), row('b', 3)], 0);
    expect([numbers(lanes.next(1)), lanes.next(1)]).toEqual([[3], []]);
    expect([lanes.nextAt(), lanes.lacking(50)]).toEqual([50, ['a']]);
    lanes.refill(['a'], [], 20, 50);
    expect(lanes.lacking(50)).toEqual([]);
  });

  it('give a request several deliveries, those of a lane in their order, and end with them together', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1), row('b', 2), row('a', 3), row('a', 4), row('c', 5)], 0);
    const batch = lanes.next(4);
    expect(numbers(batch)).toEqual([1, 3, 4, 2]);
    expect([lanes.size(), lanes.busy(), numbers(lanes.next(4)), lanes.next(4)]).toEqual([5, 4, [5], []]);
    lanes.add([row('a', 6), row('b', 7)], 0);
    expect(lanes.next(4)).toEqual([]);
    lanes.done(batch);
    expect([lanes.size(), lanes.busy()]).toEqual([3, 1]);
    const next = lanes.next(4);
    expect(numbers(next)).toEqual([6, 7]);
    lanes.wait(next, 100);
    expect([lanes.size(), lanes.busy(), lanes.leftOut(), lanes.lacking(100)]).toEqual([1, 1, 2, ['a', 'b']]);
  });

  it('let one that failed go alone', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1), row('b', 2, 0, 1), row('b', 3), row('c', 4), row('d', 5), row('d', 6, 0, 1)], 0);
    expect([1, 2, 3, 4].map(() => numbers(lanes.next(10)))).toEqual([[1], [2], [4, 5], []]);
  });

  it('forget everything that is not under way', () => {
    const lanes = createLanes<Row>();
    lanes.add([row('a', 1), row('a', 2), row('b', 3)], 0);
    const first = lanes.next(1);
    lanes.forget();
    expect([lanes.size(), lanes.next(1)]).toEqual([1, []]);
    // What is read anew of a lane with a delivery under way is read once that has ended.
    lanes.add([row('a', 1), row('b', 3)], 0);
    expect([numbers(lanes.next(1)), lanes.lacking(0)]).toEqual([[3], []]);
    lanes.done(first);
    expect(lanes.lacking(0)).toEqual(['a']);
  });
});

describe('the places of a worker', () => {
  it('are never all taken by endpoints that do not answer', () => {
    const slots = createSlots(50);
    const take = (id: string): number => {
      let n = 0;
      while (slots.take(id)) n += 1;
      return n;
    };
    expect([take('a'), take('b'), take('c')]).toEqual([40, 8, 1]);
    expect(slots.free()).toBe(1);
    expect(slots.wanting()).toEqual(['a', 'b', 'c']);
    slots.give('a');
    expect(slots.wanting()).toEqual([]);
  });
});

describe('the pauses between tries', () => {
  it('grow from 10 seconds to 4 hours, each up to a tenth shorter or longer', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 20].map((tries) => pauseAfter(tries, 0.5) / 1_000);
    expect(pauses).toEqual([10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 14_400]);
    expect([pauseAfter(1, 0), pauseAfter(1, 1)]).toEqual([9_000, 11_000]);
  });
});
