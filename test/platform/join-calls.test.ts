import { createJoinedCalls } from '../../platform/join-calls.ts';

it('answers calls that come while one runs by the next one, which begins after they came', async () => {
  const ends: ((answer: string) => void)[] = [];
  const call = (): Promise<string> => new Promise((resolve) => ends.push(resolve));
  const joined = createJoinedCalls<string>();
  const first = joined('a', call);
  const second = joined('a', call);
  const third = joined('a', call);
  const other = joined('b', call);
  expect(ends).toHaveLength(2);
  ends[0]?.('one');
  expect(await first).toBe('one');
  await new Promise((resolve) => setImmediate(resolve));
  expect(ends).toHaveLength(3);
  ends[2]?.('two');
  ends[1]?.('other');
  expect(await Promise.all([second, third, other])).toEqual(['two', 'two', 'other']);
});

it('calls anew after a failure, which those that waited for the next call do not see', async () => {
  const joined = createJoinedCalls<string>();
  const failing = joined('a', () => Promise.reject(new Error('down')));
  const next = joined('a', () => Promise.resolve('up'));
  await expect(failing).rejects.toThrow('down');
  expect(await next).toBe('up');
  expect(await joined('a', () => Promise.resolve('again'))).toBe('again');
});
