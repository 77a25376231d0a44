import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { eraseContacts } from '../activities/privacy/erase-contacts.ts';
import { eraseRecords } from '../activities/privacy/erase-records.ts';
import { rememberErased } from '../activities/privacy/remember-erased.ts';
import { ledgerLines, takeInLedger } from '../db/privacy/ledger-file.ts';
import { depsOf } from './context.ts';
import { print } from './print.ts';
import { withSession, type Session } from './session.ts';

export function addErasures(program: Command): void {
  const erasures = program.command('erasures').description('the ledger of erased people: digests that name nobody');
  erasures
    .command('export')
    .description("write the ledger of all tenants as JSON lines; keep it apart from the database's dumps")
    .option('--json', 'JSON lines, as always')
    .action(() =>
      withSession(async ({ db }) => {
        for await (const line of ledgerLines(db)) process.stdout.write(`${line}\n`);
      }),
    );
  erasures
    .command('import')
    .description('after a restore, before the API starts: erase again whoever was erased since the dump')
    .argument('<file>', 'what export wrote')
    .option('--json', 'for machines')
    .action(async (file: string, options: { json?: boolean }) => {
      const done = await withSession((session) => importLedger(session, file));
      print(
        done,
        options,
        ({ digests, erased, foreign }) =>
          `${digests} digests taken in, ${erased} erasures done again${foreign ? `, ${foreign} lines of unknown tenants` : ''}`,
      );
    });
}

async function importLedger(session: Session, file: string) {
  const { db, vault, clock } = session;
  const { digests, due, foreign } = await takeInLedger(db, vault, await readFile(file, 'utf8'), clock.now());
  const deps = depsOf(session);
  for (const erasure of due) {
    const ref = { ...erasure, now: clock.now().getTime() };
    do {
      await rememberErased(deps)(ref);
      await eraseContacts(deps)(ref);
    } while (!(await eraseRecords(deps)(ref)));
  }
  return { digests, erased: due.length, foreign };
}
