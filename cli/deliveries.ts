import { Option, type Command } from 'commander';
import { listDeliveries } from '../db/queries/outgoing/list-deliveries.ts';
import type { WebhookDelivery } from '../db/entities/outgoing.ts';
import { deliveryStates, type DeliveryState } from '../domain/deliveries.ts';
import { eventId } from '../domain/events.ts';
import { findEndpoint } from '../services/outgoing/endpoints.ts';
import { replayDelivery } from '../services/outgoing/replay.ts';
import { tenantOption } from './environment.ts';
import { cursorOption, limitOption } from './limit.ts';
import { momentOption } from './moment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface ListOptions {
  tenant: string;
  endpoint?: string;
  state?: DeliveryState;
  type?: string;
  from?: Date;
  to?: Date;
  limit: number;
  cursor?: string;
  json?: boolean;
}

export function addDeliveries(program: Command): void {
  const deliveries = program.command('deliveries').description('events on their way to endpoints');
  deliveries
    .command('list')
    .description('list deliveries, newest first, with what the endpoint answered')
    .option('--endpoint <id>', 'to this endpoint')
    .addOption(new Option('--state <state>', 'in this state').choices(deliveryStates))
    .option('--type <type>', 'of this type of events')
    .addOption(momentOption('--from <time>', 'queued at this time or later'))
    .addOption(momentOption('--to <time>', 'queued before this time'))
    .addOption(limitOption())
    .addOption(cursorOption())
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (options: ListOptions) => {
      const found = await withContext(async ({ db }) => {
        const { endpoint, state, type, from, to, limit, cursor = null } = options;
        const { id: tenantId } = await tenantNamed(db, options.tenant);
        return db.tenant(tenantId, async (em) => {
          const endpointId = endpoint === undefined ? undefined : (await findEndpoint(em, endpoint)).id;
          return listDeliveries(em, { endpointId, state, type, from, to }, cursor, limit);
        });
      });
      print(found.map(lineOf), options, (lines) => table(lines, 'no deliveries'));
    });
  deliveries
    .command('replay')
    .description('deliver events again, with the same ids')
    .argument('<ids...>', 'the deliveries')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (ids: string[], options: { tenant: string; json?: boolean }) => {
      const replayed = await withContext(async (context) => {
        const { id: tenantId } = await tenantNamed(context.db, options.tenant);
        const found: WebhookDelivery[] = [];
        for (const id of ids) found.push(await replayDelivery(context, tenantId, id));
        return found;
      });
      print(replayed.map(lineOf), options, (lines) => table(lines));
    });
}

const lineOf = (row: WebhookDelivery) => ({
  id: row.id,
  endpoint: row.endpointId,
  event: eventId(row),
  type: row.type,
  state: row.state,
  tries: row.tries,
  status: row.status,
  error: row.error,
  queued_at: row.createdAt.toISOString(),
  next_try_at: row.nextTryAt?.toISOString() ?? null,
});
