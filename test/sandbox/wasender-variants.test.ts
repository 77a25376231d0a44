import { startWasenderSandbox, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';
import { startReceiver, type Receiver } from './test-sandbox.ts';

describe('the contradictions of WASender as switches', () => {
  let sandbox: WasenderSandbox;
  let receiver: Receiver;
  let session: TestSession;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    receiver = await startReceiver();
    const webhook_events = ['messages.received', 'messages.upsert', 'messages.update', 'session.status'];
    session = await sandbox.linked({ webhook_url: receiver.url, webhook_enabled: true, webhook_events });
    await sandbox.control('PUT', '/address-book', {
      session: session.id,
      size: 40,
      seed: 'a',
      lid_only: 0,
      business: 1,
    });
    await receiver.until(3);
    receiver.received.length = 0;
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const get = async (path: string): Promise<any> => (await sandbox.wasender('GET', path, undefined, session.key)).body;
  const keys = (value: object): string[] => Object.keys(value);
  /** One sandbox serves all variants of a test. */
  const by = async (name: string, reads: Record<string, () => Promise<unknown>>): Promise<Record<string, unknown>> => {
    const seen: Record<string, unknown> = {};
    for (const [value, read] of Object.entries(reads)) {
      await sandbox.variant(name, value);
      seen[value] = await read();
    }
    return seen;
  };

  it('names a contact by id or jid, in digits or as a JID', async () => {
    const names = async (): Promise<unknown> => {
      const [listed] = (await get('/contacts')).data;
      const one = (await get(`/contacts/${listed.id ?? listed.jid}`)).data;
      return [keys(listed)[0], keys(one)[0]];
    };
    expect(await by('contact_key', { id: names, jid: names, documented: names, both: names })).toEqual({
      id: ['id', 'id'],
      jid: ['jid', 'jid'],
      documented: ['jid', 'id'],
      both: ['id', 'id'],
    });
    await sandbox.variant('contact_id_form', 'digits');
    const forms = new Set((await get('/contacts')).data.map((one: any) => /^\d+$/.test(one.id)));
    expect(forms).toEqual(new Set([true]));
    await sandbox.variant('contact_id_form', 'mixed');
    expect(new Set((await get('/contacts')).data.map((one: any) => /^\d+$/.test(one.id)))).toEqual(
      new Set([true, false]),
    );
  });

  it('spells fields as documented, in snake case or in camel case', async () => {
    const fields = async (): Promise<unknown> => {
      const contact = keys((await get('/contacts')).data[0]).filter((name) => /verified|img/i.test(name));
      const [own] = (await sandbox.wasender('GET', '/whatsapp-sessions')).body.data;
      return [...contact, keys(own)[2]];
    };
    expect(await by('field_case', { documented: fields, snake: fields, camel: fields })).toEqual({
      documented: ['verifiedName', 'imgUrl', 'phone_number'],
      snake: ['verified_name', 'img_url', 'phone_number'],
      camel: ['verifiedName', 'imgUrl', 'phoneNumber'],
    });
  });

  it('returns failures as error or message, with codes or without', async () => {
    const failure = async (): Promise<unknown> => keys(await get('/contacts/nobody')).slice(1);
    expect(await by('error_field', { documented: failure, message: failure, error: failure, both: failure })).toEqual({
      documented: ['error'],
      message: ['message'],
      error: ['error'],
      both: ['message', 'error'],
    });
    await sandbox.variant('error_status', '200');
    expect(await sandbox.wasender('GET', '/contacts/nobody', undefined, session.key)).toMatchObject({
      status: 200,
      body: { success: false },
    });
  });

  it('answers an unknown contact with an error, nulls, or a success without data', async () => {
    const unknown = async (): Promise<unknown> => {
      const { status, body } = await sandbox.wasender('GET', '/contacts/33639980009', undefined, session.key);
      return [status, body.success, body.data?.name];
    };
    expect(await by('unknown_contact', { 404: unknown, nulls: unknown, success_false: unknown })).toEqual({
      404: [404, false, undefined],
      nulls: [200, true, null],
      success_false: [200, false, undefined],
    });
  });

  it('shapes lists in many ways', async () => {
    const page = async (): Promise<unknown> => {
      const { data } = await get('/contacts?paginated=true&limit=15&page=2');
      return Array.isArray(data) ? data.length : keys(data).slice(0, 2);
    };
    expect(await by('paged_shape', { items: page, array: page, laravel: page, ignored: page })).toEqual({
      items: ['items', 'pagination'],
      array: 15,
      laravel: ['current_page', 'data'],
      ignored: 40,
    });
    const whole = async (): Promise<unknown> => {
      const { data } = await get('/contacts');
      return Array.isArray(data) ? 'array' : keys(data).length;
    };
    expect(await by('unpaged_shape', { array: whole, items: whole, object: whole })).toEqual({
      array: 'array',
      items: 1,
      object: 40,
    });
  });

  it('caps a page and may return more about it', async () => {
    await sandbox.variant('max_page_limit', 10);
    await sandbox.variant('pagination_keys', 'all');
    const { data } = await get('/contacts?paginated=1&limit=500');
    expect([data.items.length, data.pagination]).toEqual([
      10,
      { page: 1, limit: 10, total: 40, totalPages: 4, hasNext: true },
    ]);
  });

  it('writes status words in any case, wrapped or bare', async () => {
    const words = async (): Promise<unknown> => {
      const { data } = (await sandbox.wasender('POST', `/whatsapp-sessions/${session.id}/connect`)).body;
      return [data.status, (await get('/status')).status];
    };
    expect(await by('status_case', { documented: words, lower: words, upper: words })).toEqual({
      documented: ['CONNECTED', 'connected'],
      lower: ['connected', 'connected'],
      upper: ['CONNECTED', 'CONNECTED'],
    });
    await sandbox.variant('status_envelope', 'wrapped');
    expect(await get('/status')).toEqual({ success: true, data: { status: 'CONNECTED' } });
  });

  it('lets a session’s key onto the routes of the personal access token, for itself alone', async () => {
    const other = await sandbox.created();
    await sandbox.variant('session_key_on_pat_routes', 'accepted');
    expect((await get('/whatsapp-sessions')).data.map((one: any) => one.id)).toEqual([session.id]);
    expect((await sandbox.wasender('GET', `/whatsapp-sessions/${other.id}`, undefined, session.key)).status).toBe(404);
  });

  it('refuses operations outside the plan', async () => {
    await sandbox.variant('session_limit', 1);
    const settings = { name: 'b', phone_number: '+33639980005', account_protection: true, log_messages: true };
    expect(await sandbox.wasender('POST', '/whatsapp-sessions', settings)).toMatchObject({
      status: 403,
      body: { success: false, error: expect.stringMatching(/limit/) },
    });
    await sandbox.variant('subscription', 'none');
    expect((await sandbox.wasender('POST', `/whatsapp-sessions/${session.id}/connect`)).body.error).toMatch(
      /subscription/,
    );
  });

  it('sends events in many shapes', async () => {
    await sandbox.variant('upsert_messages', 'object');
    await sandbox.variant('update_shape', 'array');
    await sandbox.variant('update_status', 'words');
    await sandbox.variant('webhook_timestamp', 'none');
    await sandbox.variant('webhook_session_id', 'none');
    await sandbox.wasender('POST', '/send-message', { to: '+33639980002', text: 'Hi' }, session.key);
    const [upsert, update] = (await receiver.until(2)).map(({ body }) => body);
    expect(upsert.data.messages.messageBody).toBe('Hi');
    expect(update.data[0].update).toEqual({ status: 'sent' });
    expect(keys(update)).toEqual(['event', 'data']);
  });

  it('may leave out of messages.upsert what messages.received has delivered', async () => {
    await sandbox.variant('upsert_repeats', false);
    await sandbox.control('POST', '/messages', { session: session.id, from: '33639980002', text: 'in' });
    await sandbox.control('POST', '/messages', { session: session.id, from: 'me', chat: '33639980002', text: 'out' });
    const received = await receiver.until(2);
    expect(received.map(({ body }) => body.event)).toEqual(['messages.received', 'messages.upsert']);
  });
});
