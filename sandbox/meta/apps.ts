import type { State } from './state.ts';
import type { App } from './types.ts';

export const APP_ID = 'sandbox-app';
const APP_SECRET = 'sandbox-app-secret';
const INSTAGRAM_APP = { id: 'sandbox-instagram-app', secret: 'sandbox-instagram-app-secret' };

/** By its id or that of its Instagram login; null for one that Meta does not know. */
export function findApp(state: State, id: string): App | null {
  const { apps } = state.world;
  const others = state.variants.values.other_apps.map((one) => ({ ...one, instagram: one }));
  const known = [{ id: APP_ID, secret: APP_SECRET, instagram: INSTAGRAM_APP }, ...others];
  const found = known.find((one) => one.id === id || one.instagram.id === id);
  if (!found) return null;
  const app = apps.get(found.id);
  if (app) return app;
  const created: App = { ...found, subscriptions: new Map(), deauthorizeUrl: null, dataDeletionUrl: null };
  apps.set(created.id, created);
  return created;
}
