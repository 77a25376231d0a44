import { startTestSandbox, type Answer, type Received, type TestSandbox } from './test-sandbox.ts';

export interface TestSession {
  id: number;
  key: string;
  secret: string;
}

export interface WasenderSandbox extends TestSandbox {
  /** Calls WASender's API; without `key` with the personal access token. */
  wasender(method: string, path: string, body?: object, key?: string): Promise<Answer & { headers: Headers }>;
  variant(name: string, value: unknown): Promise<Answer>;
  /** Without a scan. */
  created(settings?: object): Promise<TestSession>;
  /** With a linked phone. */
  linked(settings?: object): Promise<TestSession>;
}

export async function startWasenderSandbox(file?: string): Promise<WasenderSandbox> {
  const sandbox = await startTestSandbox(file);
  const wasender: WasenderSandbox['wasender'] = async (method, path, body, key = '1|sandbox-pat') => {
    const response = await fetch(sandbox.wasenderUrl + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
  const created: WasenderSandbox['created'] = async (settings = {}) => {
    const usual = { name: 'Shop', phone_number: '+33639980001', account_protection: false, log_messages: true };
    const { data } = (await wasender('POST', '/whatsapp-sessions', { ...usual, ...settings })).body;
    return { id: data.id, key: data.api_key, secret: data.webhook_secret };
  };
  return {
    ...sandbox,
    wasender,
    variant: (name, value) => sandbox.control('PUT', '/variants', { provider: 'wasender', name, value }),
    created,
    async linked(settings) {
      const session = await created(settings);
      await wasender('POST', `/whatsapp-sessions/${session.id}/connect`);
      await sandbox.control('POST', '/scan', { session: session.id });
      return session;
    },
  };
}

/** Deliveries of these events. */
export const of =
  (...events: string[]) =>
  ({ body }: Received): boolean =>
    events.includes(body.event);
