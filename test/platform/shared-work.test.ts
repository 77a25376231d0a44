import { createSharedWork } from '../../platform/shared-work.ts';

it('joins work that is under way, and begins it anew once it has ended', async () => {
  const shared = createSharedWork(2, 10);
  const first = Promise.withResolvers<void>();
  let begun = 0;
  const work = (): Promise<void> => {
    begun += 1;
    return first.promise;
  };
  const [one, two] = [shared.run('a', work), shared.run('a', work)];
  expect(begun).toBe(1);
  first.resolve();
  await Promise.all([one, two]);
  await shared.run('a', work);
  expect(begun).toBe(2);
});

it('takes no more than it may', async () => {
  const shared = createSharedWork(1, 10);
  const first = Promise.withResolvers<void>();
  const one = shared.run('a', () => first.promise);
  expect(shared.run('b', () => Promise.resolve())).toBeNull();
  first.resolve();
  await one;
  await expect(shared.run('b', () => Promise.resolve())).resolves.toBeUndefined();
});

it('answers a failure again until it has rested', async () => {
  const shared = createSharedWork(1, 60_000);
  let begun = 0;
  const work = (): Promise<void> => Promise.reject(new Error(`failure ${(begun += 1)}`));
  await expect(shared.run('a', work)).rejects.toThrow('failure 1');
  await expect(shared.run('a', work)).rejects.toThrow('failure 1');
  await expect(shared.run('b', work)).rejects.toThrow('failure 2');
});
