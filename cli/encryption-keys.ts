import type { Command } from 'commander';
import { reencrypt } from '../db/reencrypt.ts';
import { countByKey, requireUsedKeys, type KeyCount } from '../db/used-keys.ts';
import { print, table } from './print.ts';
import { withAnyRing } from './session.ts';
import type { Context } from '../services/context.ts';

export function addEncryptionKeys(keys: Command): void {
  keys
    .command('status')
    .description('the encryption keys: which values each still seals, and whether it may be retired')
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const found = await withAnyRing(status);
      print(found, options, ({ keys: lines, note }) => `${table(lines.map(statusLine))}\n\n${note}`);
      if (found.keys.some(({ in_ring: inRing }) => !inRing)) process.exitCode = 1;
    });
  keys
    .command('reencrypt')
    .description('seal everything that is stored with the newest encryption key, while all processes run')
    .option('--json', 'for machines')
    .addHelpText('after', `\n${howToRotate}`)
    .action(async (options: { json?: boolean }) => {
      const done = await withAnyRing((context) => reencryptAll(context, options));
      print(done, options, ({ columns, keys: lines, note }) =>
        [
          table(columns.map(({ unopened, ...line }) => ({ ...line, not_opened: unopened.length }))),
          ...columns
            .filter(({ unopened }) => unopened.length)
            .map(({ column, unopened }) => `${column} does not open in ${unopened.join(', ')}`),
          '',
          table(lines.map(statusLine)),
          '',
          note,
        ].join('\n'),
      );
      if (done.columns.some(({ unopened }) => unopened.length)) process.exitCode = 1;
    });
}

const howToRotate = `To rotate:
  1. Put the new key into ENCRYPTION_KEYS of every process and restart them: all can open what it will seal.
  2. Make it ENCRYPTION_KEY, move the old one to ENCRYPTION_KEYS, restart them again.
  3. patchbay keys reencrypt; stop it and run it again as you like.
  4. Take the old key away once patchbay keys status says that it may be retired.`;

/** What no table counts. */
const note = `A key that may be retired must still stay for 24 hours after it was replaced (repeats of requests with an
Idempotency-Key are told by it) and until Temporal keeps no history from its time: workflows that began under it have
ended, and the namespace's retention has passed since. Without it those histories cannot be replayed or read.`;

interface Status {
  keys: {
    id: string;
    in_ring: boolean;
    seals: boolean;
    values: number;
    columns: Record<string, number>;
    may_be_retired: boolean;
    why: string;
  }[];
  note: string;
}

async function status({ db, vault }: Context): Promise<Status> {
  const counts = await db.system(countByKey);
  const ids = [...new Set([...vault.keyIds, ...counts.map(({ key }) => key)])];
  return { keys: ids.map((id) => keyStatus(id, vault.keyIds, counts)), note };
}

function keyStatus(id: string, ring: readonly string[], counts: KeyCount[]): Status['keys'][number] {
  const own = counts.filter(({ key }) => key === id);
  const values = own.reduce((sum, one) => sum + one.values, 0);
  const standing = { id, in_ring: ring.includes(id), seals: ring[0] === id };
  const why = !standing.in_ring
    ? 'missing: add it to ENCRYPTION_KEYS'
    : standing.seals
      ? 'no: it seals what is written'
      : values
        ? 'no: run patchbay keys reencrypt'
        : 'yes, see below';
  return {
    ...standing,
    values,
    columns: Object.fromEntries(own.map((one) => [`${one.table}.${one.column}`, one.values])),
    may_be_retired: standing.in_ring && !standing.seals && values === 0,
    why,
  };
}

const statusLine = ({ id, in_ring: inRing, seals, values, why }: Status['keys'][number]) => ({
  key: id,
  ring: seals ? 'newest' : inRing ? 'older' : 'missing',
  values,
  'may be retired': why,
});

async function reencryptAll(context: Context, { json }: { json?: boolean }) {
  await requireUsedKeys(context.db, context.vault);
  let told = 0;
  const columns = await reencrypt(context.db, context.vault, (column, count) => {
    if (json || count - told < 10_000) return;
    told = count;
    process.stderr.write(`${column}: ${count}\n`);
  });
  return { columns, ...(await status(context)) };
}
