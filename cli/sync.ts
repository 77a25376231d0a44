import type { Command } from 'commander';
import { addSyncDetails } from './sync-details.ts';
import { addSyncPlatforms } from './sync-platforms.ts';

export function addSync(program: Command): void {
  const sync = program.command('sync').description('sync what providers know of accounts');
  addSyncDetails(sync);
  addSyncPlatforms(sync);
}
