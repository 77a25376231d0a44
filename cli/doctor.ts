import type { Command } from 'commander';
import { accounts } from './doctor/accounts.ts';
import { api } from './doctor/api.ts';
import { configuration } from './doctor/configuration.ts';
import { conversationSync, fetching, singleSync } from './doctor/contacts.ts';
import { database, rowSecurity } from './doctor/database.ts';
import { media } from './doctor/media.ts';
import { examine, type Check, type Line } from './doctor/check.ts';
import { encryption } from './doctor/encryption.ts';
import { openSubject } from './doctor/subject.ts';
import { providerChecks } from './doctor/providers.ts';
import { schema } from './doctor/schema.ts';
import { sending } from './doctor/sending.ts';
import { searchAttributesCheck, temporal } from './doctor/temporal.ts';
import { webhookLoop } from './doctor/webhook-loop.ts';
import { workers } from './doctor/workers.ts';
import { environment } from './environment.ts';
import { print, table } from './print.ts';

const checks: Check[] = [
  configuration,
  database,
  rowSecurity,
  schema,
  encryption,
  media,
  sending,
  accounts,
  temporal,
  searchAttributesCheck,
  workers,
  providerChecks,
  fetching,
  singleSync,
  conversationSync,
  api,
  webhookLoop,
];

/** How long connections may take to close, in milliseconds. */
const closeWithinMs = 2_000;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('examine the installation: what works, what does not, and what to do about it')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nChanges nothing that stays: one event is sent to PUBLIC_URL and removed again, one contact is written and undone, one file is stored and removed. Exit code 1: something fails.',
    )
    .action(async (options: { json?: boolean }) => {
      const subject = openSubject(environment());
      try {
        const lines = await examine(checks, subject);
        print(lines, options, inWords);
        if (lines.some(({ outcome }) => outcome === 'FAIL')) process.exitCode = 1;
      } finally {
        // What hangs may hang on: the answer is given.
        setTimeout(() => process.exit(), closeWithinMs).unref();
        await subject.close();
      }
    });
}

const inWords = (lines: Line[]): string => {
  const counted = (['PASS', 'FAIL', 'SKIP'] as const)
    .map((outcome) => `${lines.filter((line) => line.outcome === outcome).length} ${outcome}`)
    .join(', ');
  return `${table(lines.map(({ check, outcome, found, what_to_do: toDo }) => ({ check, outcome, found, 'what to do': toDo })))}\n\n${counted}`;
};
