import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock } from '../../dev/parts/lock.ts';

describe('the lock of a home', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-lock-'));
  const file = join(folder, 'lock');
  afterEach(() => rmSync(file, { force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('names its holder while the holder runs', () => {
    expect(tryLock(file)).toHaveProperty('release');
    expect(tryLock(file)).toEqual({ holder: process.pid });
  });

  test('is free again once released', () => {
    const lock = tryLock(file);
    if ('release' in lock) lock.release();
    expect(tryLock(file)).toHaveProperty('release');
  });

  test('is taken over from a process that has ended, even when another process has its pid now', () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, started: 'another time' }));
    expect(tryLock(file)).toHaveProperty('release');
  });

  test('is taken over when its file is damaged', () => {
    writeFileSync(file, '{');
    expect(tryLock(file)).toHaveProperty('release');
  });
});
