import { readFileSync, readdirSync } from 'node:fs';
import type { WorkflowBundle } from '@temporalio/worker';
import { quietRuntime } from '../support/quiet-runtime.ts';
import { bundle, replay } from './replay.ts';

const folder = new URL('./histories/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.history.json'))
  .map((file) => file.replace('.history.json', ''));
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

let workflows: WorkflowBundle;
beforeAll(async () => {
  quietRuntime();
  workflows = await bundle();
});

it('has a recorded history of every path', () => {
  expect(names.length).toBeGreaterThanOrEqual(6);
});

it.each(names)('replays "%s" with the same activities, inputs, options and timers', async (name) => {
  const commands = await replay(workflows, read(`${name}.history.json`), 'connection/recorded');
  expect(JSON.parse(JSON.stringify(commands))).toEqual(JSON.parse(read(`${name}.commands.json`)));
});
