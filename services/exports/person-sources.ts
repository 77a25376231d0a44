import type { Em } from '../../db/connect.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { requestsNaming, requestsOfNobodyNaming } from '../../db/queries/erasures/erased-requests.ts';
import { findPerson, type Person } from '../../db/queries/erasures/find-person.ts';
import { personRows } from '../../db/queries/erasures/person-rows.ts';
import { personTables, rowsOfPerson, type ExportedPerson } from '../../db/queries/exports/person.ts';
import { bodiesOf } from '../../db/queries/webhooks/requests.ts';
import { sealed } from '../../db/sealed.ts';
import { tracesOf } from '../../domain/erasure.ts';
import { firstId } from '../../platform/ids.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { tryOpen } from '../../platform/try-open.ts';
import type { Context } from '../context.ts';
import { answersNaming, runsAbout } from '../erasures/person-records.ts';
import { pageRows, type ExportSource } from './source.ts';
import { opened } from './tenant-sources.ts';

/** What an erasure of the person would take, found with the same code. */
export async function personSources(
  { db, vault }: Pick<Context, 'db' | 'vault'>,
  tenantId: string,
  known: Person,
  keys: Keyset,
): Promise<ExportSource[]> {
  const { person, found } = await db.tenant(tenantId, async (em) => {
    const all = await findPerson(em, known);
    const rows = await personRows(em, null, all.subjects);
    const traces = tracesOf(all.subjects);
    return { person: all, found: { ...rows, contacts: all.contactIds, traces } satisfies ExportedPerson };
  });
  const digestsOf = async (em: Em, of: string | null): Promise<string[]> => {
    const ledger = await openLedger(em, vault);
    return person.subjects.map((one) => ledger.digest(of, one));
  };
  const bodies = (name: string, find: typeof requestsNaming, of: string | null): ExportSource => ({
    name,
    isSystem: true,
    page: async (em, after) => {
      const requests = await find(em, tenantId, await digestsOf(em, of), pageRows, textOf(after));
      const stored = await bodiesOf(em, requests);
      const rows = stored.map(({ body, ...request }) => ({
        id: request.id,
        received_at: request.receivedAt,
        body: tryOpen(keys, body, sealed.webhookBody(request.id)),
      }));
      return { rows, next: requests.length === pageRows ? (requests.at(-1)?.id ?? null) : null };
    },
  });
  return [
    ...personTables.map((name): ExportSource => ({
      name,
      page: async (em, after) => {
        const page = await rowsOfPerson(
          em,
          name,
          found,
          after === null ? '' : String((after as string[])[0]),
          pageRows,
        );
        const columns = name === 'contacts' ? { opened: { raw_wasender_data: sealed.contactRaw } } : {};
        return {
          rows: page.map((one) => opened(columns, one, keys)),
          next: page.length === pageRows ? (page.at(-1)?.key ?? null) : null,
        };
      },
    })),
    bodies('webhook_bodies', requestsNaming, tenantId),
    bodies('webhook_bodies_of_unknown_accounts', requestsOfNobodyNaming, null),
    {
      name: 'sync_runs',
      page: async (em, after) => {
        const digests = new Set(await digestsOf(em, tenantId));
        const page = await runsAbout(em, vault, tenantId, digests, textOf(after));
        const rows = page.found.map(({ id, target }) => ({ id, target: tryOpen(keys, target, sealed.syncTarget(id)) }));
        return { rows, next: page.next };
      },
    },
    {
      name: 'stored_answers',
      page: async (em, after) => {
        const page = await answersNaming(em, vault, tenantId, person, textOf(after));
        return { rows: page.found.map(({ stored, text }) => ({ id: stored.id, answer: text })), next: page.next };
      },
    },
  ];
}

const textOf = (after: unknown): string => (typeof after === 'string' ? after : firstId);
