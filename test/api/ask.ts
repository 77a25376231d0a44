import { idPlaces, type Ids } from './fixture.ts';
import { sample, type Operation } from './openapi.ts';

/** A request of an operation, to be changed in one place. */
export interface Ask {
  key?: string;
  path: Record<string, string>;
  query: Record<string, string>;
  body?: any;
  headers: Record<string, string>;
  /** Replaces `body` on the wire. */
  raw?: string | Uint8Array<ArrayBuffer>;
}

export interface Answered {
  status: number;
  type: string;
  headers: Headers;
  body: any;
}

/** Values that no schema describes. */
const known: Record<string, string> = { kind: 'details', provider: 'unipile', phone_number: '+33639980901' };
const bodies: Record<string, object> = {
  'PUT /api/v1/providers/{provider}': { dsn: 'http://127.0.0.1:1', access_token: 'text' },
  'POST /api/v1/accounts/{id}/snooze': { until: new Date(Date.now() + 86_400_000).toISOString() },
  'POST /api/v1/erasures': { phone: '+33639980908' },
  'POST /api/v1/conversations/{id}/messages': { text: 'text' },
  'POST /api/v1/communications/whatsapp/chats/{chat_id}/send/': { text: 'text' },
  'POST /api/v1/messages': { recipients: ['+33639980901'], text: 'text' },
  'POST /api/unipile/message': { recipients: ['+33639980901'], content: 'text' },
  'POST /api/v1/bulk-operations': { filter: { owner: 'text' } },
  'POST /api/v1/contacts/bulk': { set: { add_groups: ['text'] } },
};

/** A correct request about these ids. */
export function rightAsk(operation: Operation, ids: Ids, key?: string): Ask {
  const places = idPlaces(operation);
  const idFor = (place: 'path' | 'query' | 'body') => (name: string) => {
    const found = places.find((one) => one.in === place && one.name === name);
    if (name === 'contact_ids[1]') return ids.twin;
    return found ? ids[found.kind] : known[name];
  };
  const valuesIn = (place: 'path' | 'query'): Record<string, string> =>
    Object.fromEntries(
      operation.parameters
        .filter(({ in: where, name, required }) => where === place && (required || places.some((p) => p.name === name)))
        .map(({ name, schema }) => [name, String(sample(schema, name, idFor(place)))]),
    );
  const made = operation.body && sample(operation.body, '', idFor('body'));
  return {
    ...(key === undefined ? {} : { key }),
    path: valuesIn('path'),
    query: valuesIn('query'),
    body: bodies[operation.name] ? { ...(made as object), ...bodies[operation.name] } : made,
    headers: {},
  };
}

function formWithFile(): FormData {
  const form = new FormData();
  form.append('file', new Blob(['some bytes'], { type: 'text/plain' }), 'notes.txt');
  return form;
}

/** A hang is an error. Path values are sent as they are, so that they can be wrongly encoded. */
export async function send(url: string, { method, path, takesFile }: Operation, ask: Ask): Promise<Answered> {
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => ask.path[name] ?? '');
  const query = Object.entries(ask.query).map(([name, value]) => `${name}=${value}`);
  const json = ask.body === undefined ? undefined : JSON.stringify(ask.body);
  const body = ask.raw ?? (takesFile ? formWithFile() : json);
  const response = await fetch(`${url}${at}${query.length ? `?${query.join('&')}` : ''}`, {
    method,
    headers: {
      ...(ask.key ? { authorization: `Bearer ${ask.key}` } : {}),
      ...(!(body instanceof FormData) && { 'content-type': 'application/json' }),
      ...ask.headers,
    },
    ...(body === undefined || method === 'GET' ? {} : { body }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    type,
    headers: response.headers,
    body: /[/+]json\b/.test(type) ? JSON.parse(text) : text,
  };
}
