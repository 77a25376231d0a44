import { connect, placeStep, startTestApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

/** A step with a QR code, and the address of its picture on this API. */
async function qrStep() {
  const { account, attempt } = await connect(api.client);
  const step = await placeStep(api, attempt.id, { kind: 'qr', text: 'scan me' });
  const read = async (): Promise<URL> =>
    new URL((await api.client.get(`/api/v1/accounts/${account.id}/attempt`)).body.step.image_url);
  return { attempt: attempt.id as string, account: account.id as string, step, read, url: await read() };
}

describe('the picture of a QR code', () => {
  it('is shown by any page: its address is signed and needs no key', async () => {
    const { url, read } = await qrStep();
    expect(url.href.startsWith(`${api.url}/`)).toBe(true);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('image/svg+xml');
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect(await answer.text()).toMatch(/^<svg/);
    // A page that polls does not load it anew each time.
    expect((await read()).href).toBe(url.href);
  });

  it('is at the same address for keys, as before', async () => {
    const { url } = await qrStep();
    expect((await fetch(`${url.origin}${url.pathname}`)).status).toBe(401);
    const answer = await api.client.get(url.pathname);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
  });

  it('is not shown for another signature, another step or a longer time', async () => {
    const { url } = await qrStep();
    const other = await qrStep();
    const changed = (change: (copy: URL) => void): URL => {
      const copy = new URL(url);
      change(copy);
      return copy;
    };
    const expires = Number(url.searchParams.get('expires'));
    for (const wrong of [
      changed((copy) => copy.searchParams.set('signature', 'a'.repeat(64))),
      changed((copy) => copy.searchParams.set('signature', '')),
      changed((copy) => copy.searchParams.set('expires', String(expires + 600))),
      changed((copy) => copy.searchParams.set('expires', '1e12')),
      changed((copy) => (copy.pathname = other.url.pathname)),
      changed((copy) => (copy.pathname = copy.pathname.replace(/steps\/[^/]+/, 'steps/none'))),
    ])
      expect([wrong.href, (await fetch(wrong)).status]).toEqual([wrong.href, 404]);
  });

  it('is shown for some minutes, and no longer than the code is the current one', async () => {
    const { url, attempt, read } = await qrStep();
    api.clock.advance(4 * 60_000);
    expect((await fetch(url)).status).toBe(200);
    api.clock.advance(7 * 60_000);
    expect((await fetch(url)).status).toBe(404);
    const fresh = await read();
    expect((await fetch(fresh)).status).toBe(200);
    await api.context.db.system((em) =>
      em.execute('update connection_steps set content = null where attempt_id = ?', [attempt]),
    );
    expect((await fetch(fresh)).status).toBe(404);
  });
});
