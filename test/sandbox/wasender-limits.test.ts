import { startWasenderSandbox, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';

describe('limits of the WASender sandbox', () => {
  let sandbox: WasenderSandbox;
  let session: TestSession;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    session = await sandbox.linked();
  });
  afterEach(() => sandbox.close());

  const call = (method: string, path: string, body?: object, key = session.key): ReturnType<typeof sandbox.wasender> =>
    sandbox.wasender(method, path, body, key);
  const picture = (): ReturnType<typeof call> => call('GET', '/contacts/33639980002/picture');
  const advance = (advance_seconds: number): Promise<unknown> => sandbox.control('POST', '/clock', { advance_seconds });

  it('gives 60 pictures a minute and a thousand a day', async () => {
    let given = 0;
    for (let minute = 0; minute < 17; minute++) {
      for (;;) {
        const { status, body } = await picture();
        if (status === 429) {
          expect(body).toEqual({ message: expect.any(String), retry_after: expect.any(Number) });
          expect(body.retry_after > 60).toBe(given === 1000);
          break;
        }
        given++;
      }
      await advance(60);
    }
    expect(given).toBe(1000);
    await advance(86_400);
    expect((await picture()).status).toBe(200);
  });

  it('counts per endpoint and per session', async () => {
    await sandbox.variant('picture_per_minute', 1);
    const other = await sandbox.linked();
    const statuses = [
      (await picture()).status,
      (await picture()).status,
      (await call('GET', '/contacts/33639980002/picture', undefined, other.key)).status,
      (await call('GET', '/contacts')).status,
    ];
    expect(statuses).toEqual([200, 429, 200, 200]);
  });

  it('sends one message every five seconds under account protection, 256 a minute without', async () => {
    const message = { to: '+33639980002', text: 'Hello' };
    const protectedOne = await sandbox.linked({ account_protection: true });
    const began = performance.now();
    expect((await call('POST', '/send-message', message, protectedOne.key)).status).toBe(200);
    const refused = await call('POST', '/send-message', message, protectedOne.key);
    // The sandbox's clock runs on between the two messages.
    const passed = Math.ceil((performance.now() - began) / 1000);
    expect(refused.status).toBe(429);
    expect(refused.body.retry_after).toBeGreaterThan(5 - passed);
    expect(refused.body.retry_after).toBeLessThanOrEqual(5);
    await advance(5);
    expect((await call('POST', '/send-message', message, protectedOne.key)).status).toBe(200);
    expect((await call('POST', '/send-message', message)).headers.get('x-ratelimit-limit')).toBe('256');
    await sandbox.variant('plan', 'trial');
    expect((await call('POST', '/send-message', message)).status).toBe(429);
  });

  it('returns the reset as a time, or in seconds', async () => {
    const reset = async (): Promise<number> => Number((await picture()).headers.get('x-ratelimit-reset'));
    expect(Math.abs((await reset()) - Date.now() / 1000 - 60)).toBeLessThan(10);
    await sandbox.variant('reset_unit', 'seconds');
    expect(await reset()).toBeLessThanOrEqual(60);
    expect((await picture()).headers.get('x-ratelimit-remaining')).toBe('57');
  });

  it.each([
    ['header', false, true],
    ['both', true, true],
    ['none', false, false],
  ])('returns the waiting time at the configured place: %s', async (where, inBody, inHeader) => {
    await sandbox.variant('picture_per_minute', 1);
    await sandbox.variant('retry_after', where);
    await picture();
    const { body, headers } = await picture();
    expect(['retry_after' in body, headers.has('retry-after')]).toEqual([inBody, inHeader]);
  });

  it('has a variant without limits', async () => {
    await sandbox.variant('group_per_minute', 1);
    const [group] = (await call('GET', '/groups')).body.data;
    const statuses = [];
    for (let n = 0; n < 2; n++) statuses.push((await call('GET', `/groups/${group.id}/metadata`)).status);
    await sandbox.variant('limits', false);
    statuses.push((await call('GET', `/groups/${group.id}/metadata`)).status);
    expect(statuses).toEqual([200, 429, 200]);
  });

  it('accepts no more concurrent calls than the cap', async () => {
    await sandbox.variant('concurrent_calls', 1);
    await sandbox.control('PUT', '/faults', { provider: 'wasender', timeout: 1, times: 1 });
    const stop = new AbortController();
    const hanging = fetch(`${sandbox.wasenderUrl}/contacts`, {
      headers: { authorization: `Bearer ${session.key}` },
      signal: stop.signal,
    });
    const counted = async (): Promise<number> => (await sandbox.control('GET', '/faults')).body.length;
    while ((await counted()) > 0);
    expect((await call('GET', '/groups')).status).toBe(429);
    stop.abort();
    await expect(hanging).rejects.toThrow();
    let { status } = await call('GET', '/groups');
    while (status === 429) ({ status } = await call('GET', '/groups'));
    expect(status).toBe(200);
  });

  describe('under faults', () => {
    const faults = (rule: object): Promise<unknown> =>
      sandbox.control('PUT', '/faults', { provider: 'wasender', ...rule });

    it('answers 429 and 500 in the service’s words', async () => {
      await faults({ rate_429: 1, times: 1 });
      expect(await call('GET', '/contacts')).toMatchObject({ status: 429, body: { retry_after: 1 } });
      await faults({ rate_500: 1, times: 1, route: 'GET /api/contacts/:phone' });
      expect((await call('GET', '/contacts')).status).toBe(200);
      expect(await call('GET', '/contacts/1')).toMatchObject({ status: 500, body: { success: false } });
    });

    it('can create a session and send a message, and then answer 500', async () => {
      await faults({ after_effect: 1, times: 1 });
      const settings = { name: 'Ghost', phone_number: '+33639980003', account_protection: false, log_messages: true };
      expect((await sandbox.wasender('POST', '/whatsapp-sessions', settings)).status).toBe(500);
      const { data } = (await sandbox.wasender('GET', '/whatsapp-sessions')).body;
      expect(data.map((one: any) => one.name)).toContain('Ghost');

      await faults({ after_effect: 1, times: 1 });
      expect((await call('POST', '/send-message', { to: '+33639980002', text: 'sent after all' })).status).toBe(500);
      const log = (await sandbox.wasender('GET', `/whatsapp-sessions/${session.id}/message-logs`)).body.data;
      expect(log.total).toBe(1);
    });

    it('can hang', async () => {
      await faults({ timeout: 1, times: 1 });
      const headers = { authorization: `Bearer ${session.key}` };
      const hanging = fetch(`${sandbox.wasenderUrl}/contacts`, { headers, signal: AbortSignal.timeout(300) });
      await expect(hanging).rejects.toThrow();
    });
  });

  it('counts calls by route, and clears all counts on reset', async () => {
    await sandbox.control('DELETE', '/calls');
    await picture();
    expect((await sandbox.control('GET', '/calls')).body).toEqual([
      { provider: 'wasender', method: 'GET', route: '/api/contacts/:phone/picture', count: 1 },
    ]);
    await sandbox.variant('reset_unit', 'seconds');
    await sandbox.control('POST', '/reset');
    expect((await sandbox.wasender('GET', '/whatsapp-sessions')).body.data).toEqual([]);
    expect((await sandbox.control('GET', '/variants')).body.wasender.reset_unit).toBe('epoch');
  });
});
