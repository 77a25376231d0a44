import { z } from 'zod';
import type { Schema } from '../../api/docs/examples.ts';
import type { TestApi } from './support.ts';

export interface Operation {
  name: string;
  method: string;
  path: string;
  open: boolean;
  scope: string;
  parameters: { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }[];
  body?: Schema;
  /** Its body is a form with a file. */
  takesFile: boolean;
  /** Schemas of the answers by status. */
  answers: Record<string, Schema>;
}

export interface Document {
  operations: Operation[];
  /** What is wrong with an answer, by the document; null when nothing is. */
  wrongWith(operation: Operation, status: number | string, answer: unknown): string | null;
  /** What is wrong with a body, by the document. */
  wrongWithBody(operation: Operation, body: unknown): string | null;
}

export async function readDocument({ url }: Pick<TestApi, 'url'>): Promise<Document> {
  const document: any = await (await fetch(`${url}/openapi.json`)).json();
  const operations = Object.entries<Record<string, any>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): Operation => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      open: one.security?.length === 0,
      scope: /^Scope: (\w+)\./.exec(one.description ?? '')?.[1] ?? '',
      parameters: one.parameters ?? [],
      body: one.requestBody?.content['application/json']?.schema,
      takesFile: one.requestBody?.content['multipart/form-data'] !== undefined,
      answers: Object.fromEntries(
        Object.entries<any>(one.responses).map(([status, { content }]) => [
          status,
          Object.values<{ schema: Schema }>(content ?? {})[0]?.schema ?? {},
        ]),
      ),
    })),
  );
  const definitions = JSON.parse(
    JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
  );
  const validators = new Map<string, z.ZodType>();
  const wrongBy = (name: string, of: unknown, value: unknown): string | null => {
    const schema = JSON.parse(JSON.stringify(of).replaceAll('#/components/schemas/', '#/$defs/'));
    const validator = validators.get(name) ?? z.fromJSONSchema({ ...schema, $defs: definitions });
    validators.set(name, validator);
    const parsed = validator.safeParse(value);
    return parsed.success ? null : `${name}: ${z.prettifyError(parsed.error)}`;
  };
  return {
    operations,
    wrongWith: (operation, status, answer) => {
      const known = String(status) in operation.answers ? String(status) : 'default';
      return wrongBy(`${operation.name} ${known}`, operation.answers[known], answer);
    },
    wrongWithBody: (operation, body) => wrongBy(`${operation.name} body`, operation.body, body),
  };
}

/** A value that matches a schema; `idFor` gives the ids. */
export function sample(schema: Schema, name: string, idFor: (name: string) => string | undefined): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf[0] ?? {}, name, idFor);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([key]) => schema.required?.includes(key) || idFor(key) !== undefined)
        .map(([key, inner]) => [key, sample(inner, key, idFor)]),
    );
  if (type === 'array')
    return Array.from({ length: schema.minItems ?? 1 }, (_, n) =>
      sample(schema.items ?? {}, n ? `${name}[${n}]` : name, idFor),
    );
  if (type === 'number' || type === 'integer') return 1;
  if (type === 'boolean') return true;
  return idFor(name) ?? (schema.format === 'uri' ? 'https://app.example/done' : 'text');
}
