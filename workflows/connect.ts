import type { Wish } from '../domain/progress.ts';
import { login } from './activities.ts';
import type { Run } from './run.ts';
import { seeThrough, takeUp } from './see-through.ts';

/** A new login: begin it at the provider, then walk its owner through the steps. */
export async function connect(run: Run, wish: Wish): Promise<void> {
  if (wish.kind !== 'connect') return;
  takeUp(run, wish);
  await run.move('Ask the provider to begin the login', (options) =>
    login.beginLogin.executeWithOptions(options, [run.ref()]),
  );
  await seeThrough(run);
}
