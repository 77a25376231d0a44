import { isId, newId } from '../../platform/ids.ts';

it('makes ids that sort by creation', () => {
  const ids = Array.from({ length: 100 }, newId);
  expect(ids.map((id) => id.slice(0, 13))).toEqual(ids.map((id) => id.slice(0, 13)).sort());
  expect(new Set(ids).size).toBe(100);
});

it('recognises ids without asking the database', () => {
  expect(isId(newId())).toBe(true);
  for (const other of ['', '1', 'me', `${newId()} `, `${newId()}'`, newId().replaceAll('-', ''), `${newId()}\n`])
    expect(isId(other)).toBe(false);
});
