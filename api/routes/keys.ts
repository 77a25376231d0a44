import { z } from 'zod';
import { createApiKey } from '../../db/queries/tenants/api-keys.ts';
import { ApiKey } from '../../db/entities/tenants.ts';
import { scopeNames } from '../../domain/scopes.ts';
import { isId } from '../../platform/ids.ts';
import { requireScope } from '../../services/principal.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { Problem } from '../../services/problem.ts';
import { route } from '../http/route.ts';

const tag = 'keys';

const keyAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().describe("The key's first characters."),
    scopes: z.array(z.enum(scopeNames)),
    created_at: time,
    revoked_at: time.nullable(),
  })
  .meta({ id: 'ApiKey' });

const keyView = (key: ApiKey): z.input<typeof keyAnswer> => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  scopes: key.scopes,
  created_at: wireTime(key.createdAt),
  revoked_at: wireTimeOrNull(key.revokedAt),
});

const listKeys = route({
  name: 'listApiKeys',
  method: 'get',
  path: '/api-keys',
  summary: 'List the API keys, revoked ones included',
  tag,
  scope: 'admin',
  query: z.object(pageQuery),
  answer: pageOf(keyAnswer),
  handle: ({ context, principal, query: { limit, cursor } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const found = await em.find(ApiKey, afterCursor(cursor), { orderBy: { id: 'asc' }, limit: limit + 1 });
      return { body: page(found, limit, keyView) };
    }),
});

const createKey = route({
  name: 'createApiKey',
  method: 'post',
  path: '/api-keys',
  summary: 'Make an API key; it is shown this once',
  tag,
  scope: 'admin',
  idempotent: true,
  shownOnce: ['api_key'],
  body: z.object({
    name: z.string().min(1).max(255),
    scopes: z
      .array(z.enum(scopeNames))
      .min(1)
      .default(['read', 'write'])
      .describe('Scopes that the calling key has itself.'),
  }),
  example: { name: 'my application', scopes: ['read', 'write'] },
  answer: keyAnswer.extend({ api_key: z.string().nullable().describe('Null when the answer is a replay.') }),
  status: 201,
  handle: async ({ context, principal, body, operationId }) => {
    for (const scope of body.scopes) requireScope(principal, scope);
    return context.db.tenant(principal.tenantId, async (em) => {
      // An execution that died half-way has not shown its key.
      await em.nativeDelete(ApiKey, { id: operationId });
      const { row, key } = createApiKey(
        em,
        principal.tenantId,
        body.name,
        [...new Set(body.scopes)],
        context.clock.now(),
      );
      row.id = operationId;
      return { body: { ...keyView(row), api_key: key } };
    });
  },
});

const revokeKey = route({
  name: 'revokeApiKey',
  method: 'delete',
  path: '/api-keys/{id}',
  summary: 'Revoke an API key; within five seconds it no longer works',
  tag,
  scope: 'admin',
  params: z.object({ id: z.string() }),
  answer: z.null(),
  status: 204,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const row = isId(id) ? await em.findOne(ApiKey, { id }) : null;
      if (!row) throw new Problem('not_found', 'There is no such key.');
      row.revokedAt ??= context.clock.now();
      return { body: null };
    }),
});

export const keyRoutes = [listKeys, createKey, revokeKey];
