import type { Wish } from '../domain/progress.ts';
import type { Run } from './run.ts';
import { close } from './see-through.ts';

/** An attempt that nobody was moving when a newer wish came: closed before the newer one is taken up. */
export async function supersede(run: Run, wish: Wish): Promise<void> {
  run.view = { ...run.view, attempt: wish.attempt, state: 'ending', reason: 'superseded' };
  await close(run);
}
