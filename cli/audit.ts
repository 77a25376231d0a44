import { Option, type Command } from 'commander';
import { auditKinds, auditOutcomes, type AuditKind, type AuditOutcome } from '../domain/audit.ts';
import { auditFormats, auditJson, auditPage, exportAudit, type AuditJson } from '../services/audit/read-audit.ts';
import type { Context } from '../services/context.ts';
import { tenantOption } from './environment.ts';
import { limitOption } from './limit.ts';
import { momentOption } from './moment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Options {
  tenant?: string;
  installation?: boolean;
  actor?: string;
  action?: string;
  target?: string;
  kind?: AuditKind;
  outcome?: AuditOutcome;
  from?: Date;
  to?: Date;
  limit: number;
  format: (typeof auditFormats)[number];
  json?: boolean;
}

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('who did what, when, with which key');
  filtered(audit.command('list').description('list entries, the newest first'))
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: Options) => {
      const items = await withContext(async (context) => {
        const { limit } = options;
        return (await auditPage(context, await ownerOf(context, options), options, { after: null, limit })).items;
      });
      print(items.map(auditJson), options, (lines) => table(lines.map(lineOf), 'no entries'));
    });
  filtered(audit.command('export').description('write every entry, the newest first'))
    .addOption(new Option('--format <format>', 'lines of JSON, or CSV').choices(auditFormats).default('ndjson'))
    .option('--json', 'lines of JSON, as without it')
    .action((options: Options) =>
      withContext(async (context) => {
        const owner = await ownerOf(context, options);
        for await (const part of exportAudit(context, owner, options, options.format)) process.stdout.write(part);
      }),
    );
}

const filtered = (command: Command): Command =>
  command
    .addOption(tenantOption().makeOptionMandatory(false))
    .option('--installation', 'entries of no tenant, such as decoded payloads and commands, in place of the tenant’s')
    .option('--actor <actor>', 'of this API key, by its id, or user of the operating system')
    .option('--action <action>', 'of this operation or command')
    .option('--target <id>', 'that name this id, or made something under it')
    .addOption(new Option('--kind <kind>', 'writes, or looks at what is kept sealed').choices(auditKinds))
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(auditOutcomes))
    .addOption(momentOption('--from <time>', 'at this time or later'))
    .addOption(momentOption('--to <time>', 'before this time'));

async function ownerOf({ db }: Context, { tenant, installation }: Options): Promise<string | null> {
  if (installation) return null;
  if (tenant === undefined) throw new UsageError('name one of: --tenant, --installation');
  return (await tenantNamed(db, tenant)).id;
}

const lineOf = ({ at, via, actor, action, target, outcome, code, address }: AuditJson) => ({
  at,
  via,
  actor,
  action,
  target,
  outcome: code ?? outcome,
  address,
});
