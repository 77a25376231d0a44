import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Route } from '../http/route.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; what programs compare.'),
    detail: z.string(),
    fix: z.string().describe('What usually helps.'),
    request_id: z.string(),
  })
  .meta({ id: 'Problem' });

/** The OpenAPI 3.1 document of routes at their full paths, from the schemas that validate them. */
export function openApiDocument(publicUrl: string, routes: readonly Route[]) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = route.path;
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return createDocument({
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
  });
}

function operation(route: Route): ZodOpenApiOperationObject {
  const header = route.idempotent ? idempotencyKey : undefined;
  return {
    summary: route.summary,
    operationId: `${route.method}${route.path.replace(/[^\w]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    tags: [route.tag],
    description: `Scope: ${route.scope}.`,
    requestParams: {
      ...(route.params ? { path: asObject(route.params) } : {}),
      ...(route.query ? { query: asObject(route.query) } : {}),
      ...(header ? { header } : {}),
    },
    ...(route.body ? { requestBody: { content: { 'application/json': { schema: route.body } } } } : {}),
    responses: {
      [String(route.status ?? 200) as '200']: {
        description: 'Done',
        ...(route.status === 204
          ? {}
          : { content: { [route.contentType ?? 'application/json']: { schema: route.answer } } }),
      },
      default: { description: 'Refused or failed', content: { 'application/problem+json': { schema: problem } } },
    },
  };
}

const idempotencyKey = z.object({
  'Idempotency-Key': z
    .string()
    .max(255)
    .optional()
    .describe('The same key with the same request answers as the first time, for 24 hours.'),
});

const asObject = (schema: z.ZodType): z.ZodObject => schema as z.ZodObject;
