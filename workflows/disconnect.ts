import type { Wish } from '../domain/progress.ts';
import { login } from './activities.ts';
import type { Run } from './run.ts';
import { close, takeUp } from './see-through.ts';

/** Ends the login at the provider and destroys our secrets, with or without what was kept of the account. */
export async function disconnect(run: Run, wish: Wish): Promise<void> {
  if (wish.kind !== 'disconnect') return;
  takeUp(run, wish);
  await run.move('End the login at the provider', (options) => login.endLogin.executeWithOptions(options, [run.ref()]));
  if (run.view.state === 'ending') await close(run);
}
