import { APP, APP_TOKEN, startMetaSandbox, WHATSAPP, type ConnectedPage, type MetaSandbox } from './meta-sandbox.ts';

describe("Meta's Graph API in the sandbox", () => {
  let sandbox: MetaSandbox;
  let page: ConnectedPage;
  beforeAll(async () => {
    sandbox = await startMetaSandbox();
    page = await sandbox.page('plain@a.test');
  });
  afterAll(() => sandbox.close());
  afterEach(async () => {
    await sandbox.control('PUT', '/faults', { provider: 'meta' });
    for (const name of ['app_usage', 'business_usage', 'app_calls_per_hour', 'page_calls_per_hour']) {
      await sandbox.variant(name, null);
    }
  });

  const threads = async (params = {}): Promise<any> =>
    (await sandbox.graph('GET', `/${page.id}/conversations`, page.token, { platform: 'messenger', ...params })).body;
  const version = async (path: string): Promise<string | null> => {
    const response = await fetch(`${sandbox.metaUrl}${path}?access_token=${page.token}`);
    await response.body?.cancel();
    return response.headers.get('facebook-api-version');
  };

  it('takes parameters in the query, as a form, as JSON and as multipart, and the token in each or in a header', async () => {
    const [{ id }] = (await threads({ fields: 'participants' })).data.map((one: any) => one.participants.data[0]);
    const url = `${sandbox.metaUrl}/v26.0/${page.id}/messages`;
    const recipient = JSON.stringify({ id });
    const message = JSON.stringify({ text: 'Sawubona' });
    const form = new FormData();
    for (const [name, value] of Object.entries({ recipient, message, access_token: page.token }))
      form.append(name, value);
    const query = new URLSearchParams({ recipient, message, access_token: page.token });
    const requests: [string, RequestInit][] = [
      [`${url}?${query.toString()}`, {}],
      [url, { body: query }],
      [url, { body: form }],
      [
        url,
        {
          headers: { 'content-type': 'application/json', authorization: `Bearer ${page.token}` },
          body: JSON.stringify({ recipient: { id }, message: { text: 'Sawubona' } }),
        },
      ],
    ];
    for (const [address, init] of requests) {
      const answer = await fetch(address, { method: 'POST', ...init });
      expect(await answer.json()).toEqual({ recipient_id: id, message_id: expect.stringMatching(/^m_/) });
    }
  });

  it('serves v21.0 to v26.0, expired versions as v21.0, and none as v21.0', async () => {
    expect(await version('/v26.0/me')).toBe('v26.0');
    expect(await version('/v21.0/me')).toBe('v21.0');
    expect(await version('/v18.0/me')).toBe('v21.0');
    expect(await version('/me')).toBe('v21.0');
    expect((await fetch(`${sandbox.metaUrl}/v27.0/me?access_token=${page.token}`)).status).toBe(400);
  });

  it('answers the fields that are asked for, nested ones too, and refuses one that is not there', async () => {
    const fields = 'name,instagram_business_account{id,username},tasks';
    const { body } = await sandbox.graph('GET', `/${page.id}`, page.userToken, { fields });
    expect(body).toEqual({
      id: page.id,
      name: expect.any(String),
      tasks: expect.arrayContaining(['MESSAGING', 'MODERATE', 'MANAGE']),
      instagram_business_account: { id: page.instagram, username: expect.any(String) },
    });
    const wrong = await sandbox.graph('GET', `/${page.id}`, page.token, { fields: 'name,nonsense' });
    expect(wrong.body.error).toMatchObject({
      code: 100,
      message: expect.stringMatching(/nonexisting field \(nonsense\)/),
    });
    expect((await sandbox.graph('GET', `/${page.id}`, page.token, { fields: 'name{' })).body.error.code).toBe(100);
  });

  it('answers several nodes by ids', async () => {
    const { body } = await sandbox.graph('GET', '/', page.token, {
      ids: `${page.id},${page.instagram}`,
      fields: 'name',
    });
    expect(new Set(Object.keys(body))).toEqual(new Set([page.id, page.instagram]));
  });

  it('pages with cursors and absolute addresses, to the end and back', async () => {
    const seen: string[] = [];
    let at: string | null =
      `${sandbox.metaUrl}/v26.0/${page.id}/conversations?platform=messenger&limit=2&access_token=${page.token}`;
    let previous: string | undefined;
    while (at !== null) {
      const body: any = await (await fetch(at)).json();
      seen.push(...body.data.map(({ id }: any) => id));
      expect(body.data.length).toBeLessThanOrEqual(2);
      if (body.paging?.next) expect(body.paging.next).toContain(`${sandbox.metaUrl}/v26.0/${page.id}/conversations?`);
      previous = body.paging?.previous;
      at = body.paging?.next ?? null;
    }
    const all = (await threads()).data.map(({ id }: any) => id);
    expect(seen).toEqual(all);
    const back: any = await (await fetch(previous!)).json();
    expect(back.data.map(({ id }: any) => id)).toEqual(all.slice(2, 4));
    expect((await threads({ after: 'bm90aGluZw' })).error.code).toBe(100);
  });

  it('lists all ids of a thread, and the content of its 20 newest messages', async () => {
    const { data } = await threads({ fields: 'message_count' });
    const long = data.find((one: any) => one.message_count === 24);
    const fields = 'id,created_time,from,to,message,attachments,reply_to';
    const { body } = await sandbox.graph('GET', `/${long.id}/messages`, page.token, { fields, limit: 100 });
    expect(body.data).toHaveLength(24);
    expect(body.data.map((one: any) => one.from !== undefined)).toEqual([
      ...Array(20).fill(true),
      ...Array(4).fill(false),
    ]);
    expect(body.data[0]).toMatchObject({ created_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\+0000$/) });
    const old = await sandbox.graph('GET', `/${body.data[20].id}`, page.token, { fields: 'message' });
    expect(old.body.error).toMatchObject({ code: 100, message: expect.stringMatching(/deleted/) });
    const nested = await sandbox.graph('GET', `/${long.id}`, page.token, { fields: 'messages.limit(3){message}' });
    expect(nested.body.messages.data).toHaveLength(3);
    const rest: any = await (await fetch(nested.body.messages.paging.next)).json();
    expect(rest.data[0].id).toBe(body.data[3].id);
  });

  it('finds the thread with one person, and their profile', async () => {
    const person = (await threads({ fields: 'participants' })).data[1].participants.data[0];
    const { data } = await threads({ user_id: person.id });
    expect(data).toHaveLength(1);
    const profile = await sandbox.graph('GET', `/${person.id}`, page.token, { fields: 'name,profile_pic' });
    expect(profile.body).toMatchObject({ id: person.id, name: person.name });
    expect((await fetch(profile.body.profile_pic)).headers.get('content-type')).toBe('image/png');
  });

  it("lists an Instagram account's threads by its Page, upper or lower case", async () => {
    for (const platform of ['instagram', 'INSTAGRAM']) {
      const { data } = await threads({ platform, fields: 'participants' });
      expect(data[0].id).toMatch(/^aWdf/);
      expect(data[0].participants.data[1]).toMatchObject({ id: page.instagram, username: expect.any(String) });
    }
  });

  it('shows nothing to the token of another person', async () => {
    const other = await sandbox.page('plain+other@a.test');
    for (const path of [`/${page.id}`, `/${page.id}/conversations`, `/${WHATSAPP.number}`]) {
      expect((await sandbox.graph('GET', path, other.token)).body.error).toMatchObject({
        code: 100,
        error_subcode: 33,
      });
    }
    expect((await sandbox.graph('GET', '/me')).body.error.code).toBe(2500);
    expect((await sandbox.graph('GET', '/me', 'made-up')).body.error).toMatchObject({
      code: 190,
      type: 'OAuthException',
    });
    expect((await sandbox.graph('GET', '/me', `${APP.id}|wrong`)).body.error.code).toBe(190);
    expect((await sandbox.graph('GET', `/${page.id}/conversations`, page.userToken)).body.error.code).toBe(210);
  });

  it('makes a batch of calls, each with its own answer', async () => {
    const batch = [
      { method: 'GET', relative_url: 'me?fields=name' },
      { method: 'GET', relative_url: `v26.0/${page.id}?fields=nonsense` },
      { method: 'POST', relative_url: `${page.id}/subscribed_apps`, body: 'subscribed_fields=messages' },
      { method: 'GET', relative_url: 'me', body: '', access_token: 'ignored' },
    ];
    const response = await fetch(`${sandbox.metaUrl}/v26.0/`, {
      method: 'POST',
      body: new URLSearchParams({ batch: JSON.stringify(batch), access_token: page.token }),
    });
    const answers = (await response.json()) as { code: number; body: string; headers: object[] }[];
    expect(answers.map(({ code }) => code)).toEqual([200, 400, 200, 200]);
    expect(JSON.parse(answers[0]!.body)).toMatchObject({ id: page.id });
    expect(JSON.parse(answers[1]!.body).error.code).toBe(100);
    expect(answers[0]!.headers).toContainEqual({ name: 'facebook-api-version', value: 'v26.0' });
    const many = await sandbox.graph('POST', '/', page.token, { batch: Array(51).fill(batch[0]) });
    expect(many.body.error.code).toBe(100);
  });

  it('subscribes apps to a Page, tells the fields, and takes them back', async () => {
    const path = `/${page.id}/subscribed_apps`;
    await sandbox.graph('POST', path, page.token, { subscribed_fields: ['messages', 'message_reads'] });
    const { body } = await sandbox.graph('GET', path, page.token);
    expect(body.data).toEqual([
      expect.objectContaining({ id: APP.id, subscribed_fields: ['messages', 'message_reads'] }),
    ]);
    await sandbox.variant('success_answer', 'text');
    expect((await sandbox.graph('DELETE', path, page.token)).body).toEqual({ success: 'true' });
    await sandbox.variant('success_answer', 'boolean');
    expect((await sandbox.graph('GET', path, page.token)).body.data).toEqual([]);
    expect((await sandbox.graph('POST', path, page.userToken, { subscribed_fields: 'messages' })).body.error.code).toBe(
      210,
    );
  });

  /** The contract's table of errors: what a client must tell apart. */
  it.each([
    [0, undefined],
    [102, undefined],
    [190, 463],
    [190, 467],
    [190, undefined],
    [190, 458],
    [190, 459],
    [190, 464],
    [190, 460],
    [190, 492],
    [3, undefined],
    [10, undefined],
    [200, undefined],
    [299, undefined],
    [131005, undefined],
    [10, 2018278],
    [10, 2534022],
    [1545041, undefined],
    [131047, undefined],
    [10, 2018300],
    [551, undefined],
    [131026, undefined],
    [100, 2018001],
    [100, 2534014],
    [4, undefined],
    [17, 2446079],
    [32, undefined],
    [613, 1996],
    [80001, undefined],
    [80002, undefined],
    [80006, undefined],
    [80007, undefined],
    [80008, undefined],
    [341, undefined],
    [130429, undefined],
    [131056, undefined],
    [131048, undefined],
    [131064, undefined],
    [133016, undefined],
    [1, undefined],
    [2, undefined],
    [131000, undefined],
    [131016, undefined],
    [133004, undefined],
    [131057, undefined],
    [368, undefined],
    [130497, undefined],
    [131031, undefined],
    [10, 1893063],
    [131042, undefined],
    [131045, undefined],
    [133010, undefined],
    [131037, undefined],
    [131049, undefined],
    [131050, undefined],
    [130472, undefined],
    [131051, undefined],
    [131052, undefined],
    [131053, undefined],
    [132000, undefined],
    [132001, undefined],
    [132005, undefined],
    [132007, undefined],
    [132012, undefined],
    [132015, undefined],
    [132016, undefined],
    [132018, undefined],
    [131008, undefined],
    [131009, undefined],
    [33, undefined],
    [131021, undefined],
    [135000, undefined],
    [100, 33],
    [131062, undefined],
    [131059, undefined],
    [803, undefined],
    [100, 2018218],
    [2593107, undefined],
    [2593108, undefined],
    [2593109, undefined],
    [230, undefined],
    [2500, undefined],
    [104, undefined],
  ])('answers error %i / %s on demand', async (code, subcode) => {
    const error = { code, ...(subcode !== undefined && { subcode }) };
    const rule = { provider: 'meta', rate_error: 1, times: 1, route: 'GET /:node', error };
    expect((await sandbox.control('PUT', '/faults', rule)).status).toBe(200);
    const { status, body } = await sandbox.graph('GET', '/me', page.token);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code, message: expect.any(String), fbtrace_id: expect.any(String) });
    expect(body.error.error_subcode).toBe(subcode);
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(200);
  });

  it('marks transient errors, answers documented statuses by variant, and errs for one id alone', async () => {
    const fault = (rule: object) =>
      sandbox.control('PUT', '/faults', { provider: 'meta', rate_error: 1, times: 1, ...rule });
    await fault({ error: { code: 2 } });
    expect((await sandbox.graph('GET', '/me', page.token)).body.error.is_transient).toBe(true);
    await fault({ error: { code: 190, status: 418 } });
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(418);
    await sandbox.variant('error_status', 'documented');
    await fault({ error: { code: 190 } });
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(401);
    await fault({ error: { code: 10 } });
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(403);
    await sandbox.variant('error_status', '400');
    await fault({ route: `GET /${page.id}`, error: { code: 368 } });
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(200);
    expect((await sandbox.graph('GET', `/${page.id}`, page.token)).body.error.code).toBe(368);
    expect((await sandbox.control('PUT', '/faults', { provider: 'meta', rate_error: 1 })).status).toBe(400);
    const unipile = await sandbox.control('PUT', '/faults', { provider: 'unipile', rate_error: 1, error: { code: 1 } });
    expect(unipile.status).toBe(400);
  });

  it('tells how full the limits are, as much as is asked for', async () => {
    const usage = async (token: string, header: string): Promise<any> => {
      const value = (await sandbox.graph('GET', '/me', token)).headers.get(header);
      return value === null ? null : JSON.parse(value);
    };
    expect(await usage(page.token, 'x-app-usage')).toBeNull();
    await sandbox.variant('app_usage', 80);
    expect(await usage(page.token, 'x-app-usage')).toEqual({ call_count: 80, total_cputime: 20, total_time: 26 });
    await sandbox.variant('business_usage', { percent: 100, minutes: 7 });
    expect(await usage(page.token, 'x-business-use-case-usage')).toEqual({
      [page.id]: [
        { type: 'messenger', call_count: 100, total_cputime: 25, total_time: 33, estimated_time_to_regain_access: 7 },
      ],
    });
    await sandbox.variant('business_usage', { percent: 90, id: 'another' });
    expect(await usage(page.token, 'x-business-use-case-usage')).toBeNull();
  });

  it('counts calls against a limit, whose header rises, and refuses those beyond it for the hour', async () => {
    await sandbox.variant('page_calls_per_hour', 3);
    const percents: number[] = [];
    const codes: (number | undefined)[] = [];
    for (let n = 0; n < 4; n++) {
      const { headers, body } = await sandbox.graph('GET', '/me', page.token);
      const [usage] = Object.values(JSON.parse(headers.get('x-business-use-case-usage') ?? '{}')) as any[];
      percents.push(usage[0].call_count);
      codes.push(body.error?.code);
    }
    expect(percents).toEqual([33, 67, 100, 100]);
    expect(codes).toEqual([undefined, undefined, undefined, 80006]);
    await sandbox.later(3600);
    expect((await sandbox.graph('GET', '/me', page.token)).status).toBe(200);
  });

  it('registers webhooks for the app alone, after the address has answered a challenge', async () => {
    const refused = await sandbox.graph('POST', `/${APP.id}/subscriptions`, page.token, { object: 'page' });
    expect(refused.body.error.code).toBe(15);
    const silent = await sandbox.graph('POST', `/${APP.id}/subscriptions`, APP_TOKEN, {
      object: 'page',
      callback_url: 'http://127.0.0.1:9/hook',
      verify_token: 'x',
      fields: 'messages',
    });
    expect(silent.body.error.code).toBe(2200);
    expect((await sandbox.graph('GET', `/${APP.id}/subscriptions`, APP_TOKEN)).body).toEqual({ data: [] });
  });

  it('counts its routes, by pattern', async () => {
    await sandbox.control('DELETE', '/calls');
    await sandbox.graph('GET', `/${page.id}`, page.token);
    await threads();
    expect((await sandbox.control('GET', '/calls')).body).toEqual([
      { provider: 'meta', method: 'GET', route: '/:node', count: 1 },
      { provider: 'meta', method: 'GET', route: '/:node/conversations', count: 1 },
    ]);
  });
});
