/** A JSON schema, as much of it as the OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minItems?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  format?: string;
  examples?: unknown[];
}

const id = '0197c0de-7d6e-7b1c-9f4e-2a5d8c3b1f00';

/** Values that say more than a word of their type, by the name of their field. */
const byName: Record<string, unknown> = {
  id,
  owner: 'maya',
  label: 'Sales phone',
  name: 'Maya Lindqvist',
  phone: '+33639980100',
  phone_number: '+33639980100',
  identity: '+33639980100',
  display_phone: '+33 6 39 98 01 00',
  wasender_jid: '33639980100@s.whatsapp.net',
  provider: 'unipile',
  provider_account_id: 'kD3hq1TqT2WpVQ',
  instructions: 'On your phone open the app, go to linked devices, and scan the code before it expires.',
  url: 'https://account.unipile.example/login',
  text: '2@7pQv…',
  image_url: `https://patchbay.example/api/v1/accounts/${id}/attempt/steps/${id}/qr.svg?expires=1767225600&signature=5f0c…`,
  answer: '123456',
  code: '123456',
  time_zone: 'Europe/Berlin',
  type: 'account_status',
  fix: 'Correct the fields that the detail names.',
  next_cursor: null,
  stats: { total_fetched: 120, successful_updates: 118, failed_updates: 0 },
  metadata: { plan: 'pro' },
  reason: null,
};

const isId = (name: string): boolean => /(^|_)id$|[a-z]Id$/.test(name);

/** A value that a schema of the document takes, with the fields that it requires. */
export function exampleOf(components: Record<string, Schema>, schema: Schema, name = ''): unknown {
  const follow = (inner: Schema, as: string): unknown => exampleOf(components, inner, as);
  if (schema.$ref) return follow(components[schema.$ref.split('/').at(-1) ?? ''] ?? {}, name);
  if (schema.examples?.length) return schema.examples[0];
  const types = [schema.type ?? []].flat();
  const options = schema.anyOf ?? schema.oneOf;
  const known = Object.hasOwn(byName, name) ? byName[name] : isId(name) ? id : undefined;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.includes(known) ? known : schema.enum[0];
  if (options) {
    const fits = (one: Schema): boolean => known !== undefined && typeOf(known) === one.type;
    return follow(options.find(fits) ?? options[0] ?? {}, name);
  }
  if (known !== undefined && !schema.properties && (!types.length || types.includes(typeOf(known)))) return known;
  if (schema.default !== undefined) return schema.default;
  if (types.includes('object') || schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([key]) => schema.required?.includes(key))
        .map(([key, inner]) => [key, follow(inner, key)]),
    );
  if (types.includes('array'))
    return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => follow(schema.items ?? {}, name));
  if (types.includes('integer') || types.includes('number')) return 1;
  if (types.includes('boolean')) return true;
  if (types.includes('null')) return null;
  if (schema.format === 'date-time') return '2026-01-31T12:00:00.000Z';
  if (schema.format === 'date') return '2026-01-31';
  if (schema.format === 'uri') return 'https://app.example/connected';
  // A body of any kind.
  return name ? 'text' : {};
}

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
