import { startWorld, type Answer, type Received, type World } from './world.ts';

export interface SessionOfWorld {
  id: number;
  key: string;
  secret: string;
}

export interface WasenderWorld extends World {
  /** Calls WASender's API; without `key` with the personal access token. */
  wasender(method: string, path: string, body?: object, key?: string): Promise<Answer & { headers: Headers }>;
  variant(name: string, value: unknown): Promise<Answer>;
  /** Without a scan. */
  created(settings?: object): Promise<SessionOfWorld>;
  /** With a linked phone. */
  linked(settings?: object): Promise<SessionOfWorld>;
}

export async function startWasender(file?: string): Promise<WasenderWorld> {
  const world = await startWorld(file);
  const wasender: WasenderWorld['wasender'] = async (method, path, body, key = '1|sandbox-pat') => {
    const response = await fetch(world.wasenderUrl + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
  const created: WasenderWorld['created'] = async (settings = {}) => {
    const usual = { name: 'Shop', phone_number: '+33639980001', account_protection: false, log_messages: true };
    const { data } = (await wasender('POST', '/whatsapp-sessions', { ...usual, ...settings })).body;
    return { id: data.id, key: data.api_key, secret: data.webhook_secret };
  };
  return {
    ...world,
    wasender,
    variant: (name, value) => world.control('PUT', '/variants', { provider: 'wasender', name, value }),
    created,
    async linked(settings) {
      const session = await created(settings);
      await wasender('POST', `/whatsapp-sessions/${session.id}/connect`);
      await world.control('POST', '/scan', { session: session.id });
      return session;
    },
  };
}

/** Deliveries of these events. */
export const of =
  (...events: string[]) =>
  ({ body }: Received): boolean =>
    events.includes(body.event);
