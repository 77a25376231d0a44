import type { Command } from 'commander';
import { prepareKeys, renewDataKeys } from '../db/data-keys.ts';
import { masterKeysInUse, rotateMasterKey, type Rotated } from '../db/wrapped-keys.ts';
import { print, table } from './print.ts';
import { withAnyRing } from './session.ts';
import type { Context } from '../services/context.ts';

interface RotateOptions {
  newDataKeys?: boolean;
  json?: boolean;
}

export function addEncryptionKeys(keys: Command): void {
  keys
    .command('status')
    .description('the encryption keys: how many data keys each wraps, and whether it may be retired')
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const found = await withAnyRing(status);
      print(found, options, ({ keys: lines }) => table(lines.map(statusLine)));
      if (found.keys.some(({ in_ring: inRing }) => !inRing)) process.exitCode = 1;
    });
  keys
    .command('rotate')
    .alias('reencrypt')
    .description('wrap every data key with the newest encryption key, while all processes run')
    .option('--new-data-keys', 'also begin new data keys, for what is written from now on')
    .option('--json', 'for machines')
    .addHelpText('after', `\n${howToRotate}`)
    .action(async (options: RotateOptions) => {
      const done = await withAnyRing((context) => rotate(context, options));
      print(done, options, ({ rewrapped, renewed, unopened, keys: lines }) =>
        [
          `${rewrapped} data keys were wrapped anew${renewed ? `, ${renewed} were begun` : ''}.`,
          ...(unopened.length ? [`These do not open: ${unopened.join(', ')}`] : []),
          '',
          table(lines.map(statusLine)),
        ].join('\n'),
      );
      if (done.unopened.length) process.exitCode = 1;
    });
}

const howToRotate = `To rotate:
  1. Put the new key into ENCRYPTION_KEYS of every process and restart them: all can open what it will wrap.
  2. Make it ENCRYPTION_KEY, move the old one to ENCRYPTION_KEYS, restart them again.
  3. patchbay keys rotate; stop it and run it again as you like.
  4. Take the old key away once patchbay keys status says that it may be retired.
If the old key was leaked: patchbay keys rotate --new-data-keys. What was written before stays sealed with the
data keys before, which the old key opens in a copy of the database from that time.`;

interface Status {
  keys: {
    id: string;
    in_ring: boolean;
    newest: boolean;
    data_keys: number;
    may_be_retired: boolean;
    why: string;
  }[];
}

async function status({ db, vault }: Context): Promise<Status> {
  const used = new Map((await db.system(masterKeysInUse)).map(({ id, keys }) => [id, keys]));
  const { ids } = vault.masterKeys;
  return { keys: [...new Set([...ids, ...used.keys()])].map((id) => keyStatus(id, ids, used.get(id) ?? 0)) };
}

function keyStatus(id: string, ring: readonly string[], count: number): Status['keys'][number] {
  const one = { id, in_ring: ring.includes(id), newest: ring[0] === id, data_keys: count };
  const why = !one.in_ring
    ? 'missing: add it to ENCRYPTION_KEYS'
    : one.newest
      ? 'no: it wraps the data keys'
      : count
        ? 'no: run patchbay keys rotate'
        : 'yes';
  return { ...one, may_be_retired: why === 'yes', why };
}

const statusLine = ({ id, in_ring: inRing, newest, data_keys: count, why }: Status['keys'][number]) => ({
  key: id,
  ring: newest ? 'newest' : inRing ? 'older' : 'missing',
  'data keys': count,
  'may be retired': why,
});

async function rotate(
  context: Context,
  { newDataKeys }: RotateOptions,
): Promise<Rotated & { renewed: number } & Status> {
  const { db, vault } = context;
  await prepareKeys(db, vault.masterKeys);
  const rotated = await rotateMasterKey(db, vault.masterKeys);
  const renewed = newDataKeys ? await renewDataKeys(db, vault.masterKeys) : 0;
  return { ...rotated, renewed, ...(await status(context)) };
}
