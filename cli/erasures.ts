import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { erasePerson } from '../services/erasures/erase-person.ts';
import { ledgerLines, takeInLedger } from '../services/erasures/ledger-file.ts';
import { print } from './print.ts';
import { withContext } from './session.ts';
import type { Context } from '../services/context.ts';

export function addErasures(program: Command): void {
  const erasures = program.command('erasures').description('the ledger of erased people: keyed digests, no names');
  erasures
    .command('export')
    .description("write the ledger of all tenants as JSON lines; keep it apart from the database's dumps")
    .option('--json', 'JSON lines, as always')
    .action(() =>
      withContext(async ({ db }) => {
        for await (const line of ledgerLines(db)) process.stdout.write(`${line}\n`);
      }),
    );
  erasures
    .command('import')
    .description('after a restore, before the API starts: repeat the erasures that the dump lacks')
    .argument('<file>', 'what export wrote')
    .option('--json', 'for machines')
    .action(async (file: string, options: { json?: boolean }) => {
      const done = await withContext((context) => importLedger(context, file));
      print(
        done,
        options,
        ({ digests, erased, foreign }) =>
          `${digests} digests taken in, ${erased} erasures done again${foreign ? `, ${foreign} lines of unknown tenants` : ''}`,
      );
    });
}

async function importLedger(context: Context, file: string) {
  const { db, vault, clock } = context;
  const { digests, due, foreign } = await takeInLedger(db, vault, await readFile(file, 'utf8'), clock.now());
  for (const erasure of due) await erasePerson(context, erasure);
  return { digests, erased: due.length, foreign };
}
