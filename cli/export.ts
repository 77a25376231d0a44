import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { readOperation } from '../db/queries/bulk/operations.ts';
import { findPerson, type Person } from '../db/queries/erasures/find-person.ts';
import { listFiles } from '../db/queries/exports/files.ts';
import { newId } from '../platform/ids.ts';
import { bulkJson } from '../services/bulk/bulk-json.ts';
import { startOperation } from '../services/bulk/start.ts';
import type { Context } from '../services/context.ts';
import { subjectAsked, type AskedPerson } from '../services/erasures/subject-asked.ts';
import { exportFile } from '../services/exports/read-export.ts';
import { tenantOption } from './environment.ts';
import { print } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface Options {
  tenant: string;
  out?: string;
  json?: boolean;
}

/** How often the end is asked for, in milliseconds. */
const everyMs = 500;
const mostFiles = 1_000_000;

export function addExport(program: Command): void {
  const exports = program
    .command('export')
    .description('write the data of a tenant, or of one person, into files of JSON lines');
  options(
    exports.command('tenant').description("everything of a tenant's, without what gives access to something"),
  ).action((given: Options) => run(given, () => Promise.resolve(undefined)));
  options(exports.command('person').description('what an erasure of this person would take'))
    .addOption(new Option('--phone <number>', 'by number').conflicts(['jid', 'lid', 'identity']))
    .addOption(new Option('--jid <jid>', 'by JID').conflicts(['lid', 'identity']))
    .addOption(new Option('--lid <lid>', 'by LID').conflicts('identity'))
    .option('--identity <identity>', 'by the identity on a channel without numbers')
    .action((given: Options & AskedPerson) =>
      run(given, ({ db }, tenantId) => {
        const subject = subjectAsked(given);
        return db.tenant(tenantId, (em) => findPerson(em, { subjects: [subject], contactIds: [] }));
      }),
    );
}

const options = (command: Command): Command =>
  command
    .addOption(tenantOption())
    .option('--out <folder>', 'wait for the end, and write the files there')
    .option('--json', 'for machines');

async function run(
  given: Options,
  personOf: (context: Context, tenantId: string) => Promise<Person | undefined>,
): Promise<void> {
  const { out } = given;
  await withContext(async (context) => {
    const { id: tenantId } = await tenantNamed(context.db, given.tenant);
    const id = newId();
    const person = await personOf(context, tenantId);
    const begun = await startOperation(context, { tenantId, keyId: null }, id, {
      kind: 'export',
      filter: {},
      options: {},
      person,
    });
    if (out === undefined) {
      print(bulkJson(begun), given, () => `${id}: patchbay bulk show ${id} tells how far it is`);
      return;
    }
    const ended = await waitFor(context, { tenantId, operationId: id });
    const files = await save(context, { tenantId, operationId: id }, out);
    print({ ...ended, files }, given, () => `${files} files in ${out}; manifest.json tells what is in them`);
  });
}

interface ExportRef {
  tenantId: string;
  operationId: string;
}

/** Throws where the export does not come to its end. */
async function waitFor({ db }: Context, { tenantId, operationId }: ExportRef) {
  for (;;) {
    const now = await db.tenant(tenantId, (em) => readOperation(em, operationId));
    if (now?.state === 'done') return bulkJson(now);
    if (!now || now.state === 'cancelled' || now.state === 'failed')
      throw new Error(`the export ${operationId} is ${now?.state ?? 'not there any more'}`);
    await sleep(everyMs);
  }
}

/** Writes every file and compares it with its digest. Answers how many. */
async function save(context: Context, ref: ExportRef, folder: string): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = await context.db.tenant(ref.tenantId, (em) => listFiles(em, ref.operationId, 0, mostFiles));
  for (const { name, sha256 } of files) {
    const file = await exportFile(context, ref, name);
    if (!file) throw new Error(`the file ${name} is not there`);
    const path = join(folder, name);
    await pipeline(await file.open(), createWriteStream(path, { mode: 0o600 }));
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    if (hash.digest('hex') !== sha256) throw new Error(`the file ${name} is not as it was written`);
  }
  return files.length;
}
