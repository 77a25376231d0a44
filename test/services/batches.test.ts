import { ShareFullError } from '../../platform/shares.ts';
import { createBatches, type Batched, type BatchLimits } from '../../services/webhooks/batches.ts';

const limits: BatchLimits = {
  lanes: 1,
  most: { count: 4, bytes: 100 },
  waiting: { bytes: 1_000, bytesOfOwner: 500, countOfShare: 10, ms: 60_000 },
};

interface Piece extends Batched {
  id: string;
}
const piece = (id: string, more: Partial<Piece> = {}): Piece => ({
  id,
  share: id,
  owner: id,
  bytes: 10,
  names: [id],
  ...more,
});
/** Time for what was woken to begin. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Batches that end when they are told to. `alone`: what is done alone, and fails where its id is `bad`. */
function held(more: Partial<BatchLimits> = {}) {
  const batches: { ids: string[]; end(): void; fail(error: Error): void }[] = [];
  const alone: string[] = [];
  const add = createBatches<Piece, string>(
    { ...limits, ...more },
    {
      together: (batch) =>
        new Promise((resolve, reject) => {
          const ids = batch.map(({ id }) => id);
          batches.push({ ids, end: () => resolve(ids), fail: reject });
        }),
      alone: async ({ id }) => {
        alone.push(id);
        if (id === 'bad') throw new Error('bad');
        return `${id} alone`;
      },
      isHopeless: (error) => (error as Error).message === 'down',
    },
  );
  return { add, batches, alone, ids: () => batches.map((one) => one.ids.join(' ')) };
}

it('does together what comes together or while another batch is done, up to a count and to bytes', async () => {
  const { add, batches, ids } = held();
  const answers = ['a', 'b'].map((id) => add(piece(id)));
  await settle();
  answers.push(...['c', 'd', 'e', 'f', 'g'].map((id) => add(piece(id))));
  await settle();
  expect(ids()).toEqual(['a b']);
  batches[0]?.end();
  await settle();
  expect(ids()).toEqual(['a b', 'c d e f']);
  answers.push(add(piece('h', { bytes: 95 })));
  batches[1]?.end();
  await settle();
  batches[2]?.end();
  await settle();
  expect(ids()).toEqual(['a b', 'c d e f', 'g', 'h']);
  batches[3]?.end();
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
});

it('does neither a share in two batches at once, nor two of one name together', async () => {
  const { add, batches, ids } = held({ lanes: 2 });
  const answers = [
    add(piece('a', { share: 's' })),
    add(piece('b', { names: ['n'] })),
    add(piece('c', { names: ['n'] })),
  ];
  await settle();
  expect(ids()).toEqual(['a b', 'c']);
  answers.push(add(piece('d', { share: 's' })));
  batches[1]?.end();
  await settle();
  expect(batches).toHaveLength(2);
  batches[0]?.end();
  await settle();
  expect(ids()).toEqual(['a b', 'c', 'd']);
  batches[2]?.end();
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd']);
});

it('does each of a batch alone that fails: one that is bad fails alone; none where that is hopeless', async () => {
  const { add, batches, alone } = held();
  const answers = Promise.allSettled(['a', 'bad', 'b'].map((id) => add(piece(id))));
  await settle();
  batches[0]?.fail(new Error('one of them is bad'));
  expect((await answers).map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message))).toEqual([
    'a alone',
    'bad',
    'b alone',
  ]);
  const others = Promise.allSettled(['c', 'd'].map((id) => add(piece(id))));
  await settle();
  batches[1]?.fail(new Error('down'));
  expect((await others).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(alone).toEqual(['a', 'bad', 'b']);
  const last = add(piece('e'));
  await settle();
  batches[2]?.end();
  expect(await last).toBe('e');
});

describe('what waits', () => {
  it('is bounded in bytes of all and of an owner, in pieces of a share, and in age', async () => {
    const { add, batches } = held({ waiting: { bytes: 100, bytesOfOwner: 60, countOfShare: 2, ms: 1_000 } });
    const first = add(piece('first', { bytes: 60 }));
    await settle();
    const kept = [add(piece('a', { owner: 'loud', bytes: 30 })), add(piece('b', { owner: 'loud', bytes: 30 }))];
    await expect(add(piece('c', { owner: 'loud', bytes: 1 }))).rejects.toThrow(ShareFullError);
    kept.push(add(piece('d', { share: 's', bytes: 10 })), add(piece('e', { share: 's', bytes: 10 })));
    await expect(add(piece('f', { share: 's', bytes: 10 }))).rejects.toThrow('same share');
    await expect(add(piece('g', { bytes: 21 }))).rejects.toThrow('bytes');
    const answers = await Promise.allSettled(kept);
    expect(answers.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    batches[0]?.end();
    expect(await first).toBe('first');
    const next = add(piece('h', { owner: 'loud', bytes: 60 }));
    await settle();
    expect(batches[1]?.ids).toEqual(['h']);
    batches[1]?.end();
    expect(await next).toBe('h');
  });

  it('is taken in turns of the owners, however much of one waits', async () => {
    const { add, batches, ids } = held();
    const answers = [add(piece('first'))];
    await settle();
    for (let n = 0; n < 9; n += 1) answers.push(add(piece(`loud${n}`, { owner: 'loud' })));
    for (const id of ['calm1', 'calm2']) answers.push(add(piece(id, { owner: 'calm' })));
    answers.push(add(piece('third')));
    for (let n = 0; n < 4; n += 1) {
      batches[n]?.end();
      await settle();
    }
    expect(ids().slice(0, 3)).toEqual(['first', 'loud0 calm1 third loud1', 'calm2 loud2 loud3 loud4']);
    for (let n = 4; n < batches.length; n += 1) {
      batches[n]?.end();
      await settle();
    }
    await Promise.all(answers);
  });
});
