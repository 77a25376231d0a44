import type { Request, Response } from 'express';
import { z } from 'zod';
import type { NewAuditEntry } from '../../db/queries/audit/insert-entries.ts';
import { isId, newId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';
import type { AuditLog } from '../../services/audit/audit-log.ts';
import { blankEntry } from '../../services/audit/record.ts';
import { startRecording, type Recording } from '../../services/audit/recording.ts';
import type { Principal } from '../../services/principal.ts';
import { clientAddress } from './client-address.ts';
import { problemOf } from './errors.ts';
import type { Route } from './route.ts';
import { shownFor, unwrapped } from './schemas.ts';

/** The record of one request, whatever its route. */
export interface RequestRecord {
  /** For the handler: what it writes commits with the entry. */
  context: Context;
  /** What the request asks for, once that is known to be valid. */
  describe(asked: { operationId: string; query: unknown; body: unknown; sent: unknown }): void;
  /** Before the answer, `body` where it is JSON. A repeat under its Idempotency-Key did nothing, so it is no write. */
  answered(body: unknown, isRepeat: boolean): Promise<void>;
  failed(error: unknown): Promise<void>;
}

/** Whether each request of a route is recorded; of others those that show raw data. */
const isRecorded = ({ method, changes, looks }: Route): boolean =>
  method !== 'get' || changes === true || looks === true;

/** Begins the record of a request whose key is known. */
export function recordRequest(
  context: Context,
  log: AuditLog,
  route: Route,
  { request, response, principal }: { request: Request; response: Response; principal: Principal },
): RequestRecord {
  const isOurs = (text: string): boolean => isId(text) || Object.hasOwn(context.providers, text);
  const entry: Omit<NewAuditEntry, 'id'> = {
    ...blankEntry,
    kind: route.looks ? 'look' : 'write',
    tenantId: principal.tenantId,
    actor: principal.keyId,
    action: route.name,
    target: Object.values(request.params).flat().find(isOurs) ?? null,
    address: clientAddress(request),
    requestId: String(response.locals['requestId']),
  };
  const recording: Recording | null = isRecorded(route) ? startRecording(log, context.db, () => entry) : null;
  return {
    context: recording ? { ...context, db: recording.db } : context,
    describe: ({ operationId, query, body, sent }) => {
      entry.operation = recording && entry.kind === 'write' ? operationId : null;
      entry.details = {
        ...ownWords(route.query, query, isOurs),
        ...ownWords(route.body, body, isOurs),
        ...(sent && route.body ? { fields: fieldsOf(route.body, sent) } : {}),
      };
    },
    answered: async (body, isRepeat) => {
      if (recording && !isRepeat) await recording.done();
      if (entry.kind === 'write' && shownFor('raw', principal.scopes, route.answer, body))
        await log.add({ id: newId(), ...entry, kind: 'look' });
    },
    failed: async (error) => {
      const { status, code } = problemOf(error);
      await recording
        ?.ended(status < 500 ? 'refused' : 'failed', code)
        .catch((failure: unknown) =>
          context.log.error({ err: failure, request_id: entry.requestId }, 'a request was not recorded'),
        );
    },
  };
}

/** The most ids of one field that are recorded. */
const mostIds = 20;
const namesId = /(^|_)ids?$|^(account|accounts|conversation|contact|message|endpoint|attendee|provider)$/i;

/** Of an input's own fields those whose values are words or ids of ours: switches, choices, ids. Never a text of the caller. */
function ownWords(
  schema: z.ZodType | undefined,
  value: unknown,
  isOurs: (text: string) => boolean,
): Record<string, unknown> {
  const inner = schema && unwrapped(schema);
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return {};
  const given = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(inner.shape as Record<string, z.core.$ZodType>).flatMap(([name, declared]) => {
      const own = wordOf(unwrapped(declared), given[name], (text) => namesId.test(name) && isOurs(text));
      return own === undefined ? [] : [[name, own]];
    }),
  );
}

function wordOf(schema: z.core.$ZodType, value: unknown, isOurs: (text: string) => boolean): unknown {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return schema instanceof z.ZodEnum || isOurs(value) ? value : undefined;
  if (!(schema instanceof z.ZodArray) || !Array.isArray(value)) return undefined;
  const found = value.map((one) => wordOf(unwrapped(schema.element), one, isOurs));
  return found.every((one) => typeof one === 'string') && found.length ? found.slice(0, mostIds) : undefined;
}

/** The names of the fields that a body has, as far as the schema knows them. */
function fieldsOf(schema: z.ZodType, sent: unknown): string[] {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodObject
    ? Object.keys(sent as object).filter((name) => Object.hasOwn(inner.shape, name))
    : [];
}
