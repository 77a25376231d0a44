import { mkdirSync, writeFileSync } from 'node:fs';
import { bundle, replay } from '../replay/replay.ts';
import { toJson, type History } from '../support/history.ts';

/** With PATCHBAY_RECORD=1 the history becomes a recorded one, for the replay test. */
export async function keep(name: string, history: History): Promise<History> {
  if (process.env.PATCHBAY_RECORD !== '1') return history;
  const folder = new URL('../replay/histories/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const json = toJson(history);
  const commands = await replay(await bundle(), json, 'connection/recorded');
  writeFileSync(new URL(`${name}.history.json`, folder), json);
  writeFileSync(new URL(`${name}.commands.json`, folder), JSON.stringify(commands, null, 1));
  return history;
}
