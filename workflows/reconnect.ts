import type { Wish } from '../domain/progress.ts';
import { login } from './activities.ts';
import type { Run } from './run.ts';
import { seeThrough, takeUp } from './see-through.ts';

/** An account that dropped: first what needs no human, then a login on the same upstream account. */
export async function reconnect(run: Run, wish: Wish): Promise<void> {
  if (wish.kind !== 'reconnect') return;
  takeUp(run, wish);
  await run.move('Try to revive the account without its owner', (options) =>
    login.reviveLogin.executeWithOptions(options, [run.ref()]),
  );
  if (run.view.state === 'open' && run.view.stepId === null)
    await run.move('Ask the provider to begin the login again', (options) =>
      login.beginLogin.executeWithOptions(options, [run.ref()]),
    );
  await seeThrough(run);
}
