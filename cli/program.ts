import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAccounts } from './accounts.ts';
import { addBulk } from './bulk.ts';
import { addAudit } from './audit.ts';
import { noteCommand } from './audited.ts';
import { addAnalytics } from './analytics.ts';
import { addConnect } from './connect.ts';
import { addContacts } from './contacts.ts';
import { addDeliveries } from './deliveries.ts';
import { addDoctor } from './doctor.ts';
import { addEndpoints } from './endpoints.ts';
import { addErasures } from './erasures.ts';
import { addEvents } from './events.ts';
import { addExport } from './export.ts';
import { addHealth } from './health.ts';
import { addKeys } from './keys.ts';
import { addMigrate } from './migrate.ts';
import { addRebuild } from './rebuild.ts';
import { addResume } from './resume.ts';
import { addSending } from './sending.ts';
import { addSync } from './sync.ts';
import { addWebhooks } from './webhooks.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The `patchbay` command with everything below it. Wrong usage is thrown as commander's error. */
export function createProgram(): Command {
  const program = new Command('patchbay')
    .description("Keeps people's messaging accounts connected and their data in sync.")
    .version(manifest.version, '--version', 'print the version')
    .exitOverride()
    .hook('preAction', (_program, action) => noteCommand(action))
    .addHelpText(
      'after',
      `
Works on the installation that DATABASE_URL and the other settings name; without them on the local stack that runs in
PATCHBAY_HOME. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    );
  addDoctor(program);
  addHealth(program);
  addConnect(program);
  addAccounts(program);
  addContacts(program);
  addSync(program);
  addBulk(program);
  addWebhooks(program);
  addEvents(program);
  addEndpoints(program);
  addDeliveries(program);
  addAnalytics(program);
  addErasures(program);
  addExport(program);
  addKeys(program);
  addRebuild(program);
  addSending(program);
  addResume(program);
  addAudit(program);
  addMigrate(program);
  return program;
}
