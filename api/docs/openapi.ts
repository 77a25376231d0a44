import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import type { Route } from '../http/route.ts';
import type { OpenRoute } from '../routes/public-routes.ts';
import { providerName } from '../views/provider-name.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; what programs compare.'),
    detail: z.string(),
    fix: z.string().describe('What usually helps.'),
    request_id: z.string(),
    error: z.string().optional().describe('The detail again, at documented paths outside /api/v1.'),
  })
  .meta({ id: 'Problem' });

/** The OpenAPI 3.1 document of routes at their full paths, from the schemas that validate them. */
export function openApiDocument(
  publicUrl: string,
  routes: readonly Route[],
  open: readonly OpenRoute[],
  providerNames: readonly string[],
) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = route.path;
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  for (const route of open)
    if (route.described)
      paths[route.path] = { ...paths[route.path], [route.method]: openOperation(route, route.described) };
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: {
      title: 'Patchbay',
      version: '1',
      description: "Keeps people's messaging accounts connected and their data in sync, durably.",
    },
    servers: [{ url: publicUrl }],
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key.' } } },
    paths,
  };
  return createDocument(document, {
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === providerName) jsonSchema.enum = [...providerNames];
    },
  });
}

function operation(route: Route): ZodOpenApiOperationObject {
  const header = route.idempotent ? idempotencyKey : undefined;
  const content = { [route.contentType ?? 'application/json']: { schema: route.answer } };
  const done = { description: 'Done', ...(route.status === 204 ? {} : { content }) };
  return {
    summary: route.summary,
    operationId: operationId(route),
    tags: [route.tag],
    description: `Scope: ${route.scope}.`,
    requestParams: {
      ...(route.params ? { path: asObject(route.params) } : {}),
      ...(route.query ? { query: asObject(route.query) } : {}),
      ...(header ? { header } : {}),
    },
    ...(route.body ? { requestBody: { content: { 'application/json': { schema: route.body } } } } : {}),
    responses: {
      ...Object.fromEntries(
        [route.status ?? 200, ...(route.doneStatus ? [route.doneStatus] : [])].map((status) => [status, done]),
      ),
      default: failure,
    },
  };
}

/** An address without a key. A webhook's body is whatever its provider sends. */
function openOperation(route: OpenRoute, described: NonNullable<OpenRoute['described']>): ZodOpenApiOperationObject {
  const { summary, tag, answer, unavailable } = described;
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, z.string()] as const);
  const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } });
  return {
    summary,
    operationId: operationId(route),
    tags: [tag],
    security: [],
    ...(names.length ? { requestParams: { path: z.object(Object.fromEntries(names)) } } : {}),
    ...(route.method === 'post' ? { requestBody: json(z.unknown()) } : {}),
    responses: {
      200: { description: 'Done', ...json(answer) },
      ...(unavailable ? { 503: { description: 'Not now', ...json(unavailable) } } : {}),
      default: failure,
    },
  };
}

const operationId = ({ method, path }: { method: string; path: string }): string =>
  `${method}${path.replace(/[^\w]+(\w?)/g, (_, next: string) => next.toUpperCase())}`;

const failure = { description: 'Refused or failed', content: { 'application/problem+json': { schema: problem } } };

const idempotencyKey = z.object({
  'Idempotency-Key': z
    .string()
    .max(255)
    .optional()
    .describe('The same key with the same request answers as the first time, for 24 hours.'),
});

const asObject = (schema: z.ZodType): z.ZodObject => schema as z.ZodObject;
