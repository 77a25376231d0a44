import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import GreatDetailClient from '@great-detail/whatsapp';
import { WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { findPythonEnvironment } from '../support/python.ts';
import {
  APP,
  startMetaReceiver,
  startMetaSandbox,
  WHATSAPP,
  type ConnectedPage,
  type MetaSandbox,
} from './meta-sandbox.ts';

const require = createRequire(import.meta.url);
// The package has no types.
const {
  FacebookAdsApi,
  Page,
  User,
  FacebookAdsApiBatch,
}: Record<string, any> = require('facebook-nodejs-business-sdk');

const python = await findPythonEnvironment('facebook-business-26.0.3', ['facebook-business==26.0.3']);

describe("published clients of Meta's APIs, unmodified, at the sandbox", () => {
  let sandbox: MetaSandbox;
  let page: ConnectedPage;
  beforeAll(async () => {
    sandbox = await startMetaSandbox();
    page = await sandbox.page('several@a.test');
    await sandbox.control('POST', '/messages', { account_id: WHATSAPP.number, from: '27820000001', text: 'Hello' });
  });
  afterAll(() => sandbox.close());

  const personOf = async (): Promise<string> => {
    await sandbox.control('POST', '/messages', { account_id: page.id, from: 'zanele', text: 'Hello' });
    const { body } = await sandbox.control('GET', `/conversations?account_id=${page.id}`);
    return body[0].provider_chat_id;
  };

  describe('facebook-nodejs-business-sdk', () => {
    /** Its `call` takes another host than graph.facebook.com as its last argument. */
    const apiFor = (token: string): any => {
      const base = sandbox.metaUrl;
      const Api = FacebookAdsApi as new (...args: unknown[]) => any;
      return new (class extends Api {
        call(method: string, path: string[] | string, params?: object, files?: object, form?: boolean) {
          return super.call(method, path, params, files, form, base);
        }
      })(token, 'en_US', false);
    };

    it('lists Pages page by page, with their tokens and Instagram accounts', async () => {
      const me = new User('me', {}, undefined, apiFor(page.userToken));
      const fields = ['id', 'name', 'access_token', 'instagram_business_account{id,username}'];
      const accounts = await me.getAccounts(fields, { limit: 2 });
      expect(accounts).toHaveLength(2);
      expect(accounts.hasNext()).toBe(true);
      const seen = accounts.map((one: any) => one.id);
      await accounts.next();
      expect([...seen, ...accounts.map((one: any) => one.id)]).toHaveLength(3);
      expect(accounts.hasNext()).toBe(false);
    });

    it('reads a Page and its conversations, subscribes, sends, and meets an error', async () => {
      const node = new Page(page.id, {}, undefined, apiFor(page.token));
      expect((await node.read(['name', 'category'])).category).toBe('Cafe');
      await node.createSubscribedApp([], { subscribed_fields: ['messages', 'message_echoes'] });
      expect((await node.getSubscribedApps([]))[0].id).toBe(APP.id);
      const threads = await node.getConversations(['id', 'participants', 'updated_time'], { platform: 'MESSENGER' });
      expect(threads[0].id).toMatch(/^t_/);
      const id = await personOf();
      const sent = await node.createMessage([], { recipient: { id }, message: { text: 'Sawubona' } });
      expect(sent._data.message_id).toMatch(/^m_/);
      const refused = node.createMessage([], { recipient: { id: '1' }, message: { text: 'x' } });
      await expect(refused).rejects.toMatchObject({ response: { code: 100, error_subcode: 2018001 } });
    });

    it('makes a batch', async () => {
      const answers: any[] = [];
      const batch = new FacebookAdsApiBatch(apiFor(page.token), (one: any) => answers.push(one), null);
      const keep = (one: any) => void answers.push(one);
      batch.add('GET', [page.id], { fields: 'name' }, undefined, keep, keep);
      batch.add('GET', [page.id], { fields: 'nonsense' }, undefined, keep, keep);
      await batch.execute();
      expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    });
  });

  (python ? it : it.skip)('facebook-business from PyPI (it needs python3 with venv and pip)', async () => {
    const script = fileURLToPath(new URL('meta-client.py', import.meta.url));
    const id = await personOf();
    const child = spawn(`${python}/bin/python`, [script, sandbox.metaUrl, page.userToken, page.token, page.id, id], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, problem] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (problem += part.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, problem: code === 0 ? '' : problem }).toEqual({ code: 0, problem: '' });
    expect(JSON.parse(out)).toEqual({
      pages: 3,
      name: expect.any(String),
      subscribed: [APP.id],
      threads: expect.arrayContaining([expect.stringMatching(/^t_/)]),
      message_id: expect.stringMatching(/^m_/),
      error: [100, 2018001],
      batch: [true, false],
    });
  });

  it('@kapso/whatsapp-cloud-api sends, uploads, downloads and lists templates', async () => {
    const client = new WhatsAppClient({ baseUrl: sandbox.metaUrl, accessToken: WHATSAPP.token, graphVersion: 'v24.0' });
    const to = '27820000001';
    const phoneNumberId = WHATSAPP.number;
    const sent = await client.messages.sendText({ phoneNumberId, to, body: 'Sawubona' });
    expect(sent.messages[0]?.id).toMatch(/^wamid\./);
    const template = { name: 'hello_world', language: { code: 'en_US' } };
    await client.messages.sendTemplate({ phoneNumberId, to, template });
    const missing = { name: 'nothing', language: { code: 'en_US' } };
    await expect(client.messages.sendTemplate({ phoneNumberId, to, template: missing })).rejects.toMatchObject({
      code: 132001,
    });
    const file = new Blob(['png'], { type: 'image/png' });
    const { id } = await client.media.upload({ phoneNumberId, type: 'image/png', file, fileName: 'a.png' });
    await client.messages.sendImage({ phoneNumberId, to, image: { id } });
    const bytes = await client.media.download({ mediaId: id, phoneNumberId, auth: 'always' });
    expect(Buffer.from(bytes as ArrayBuffer).toString()).toBe('png');
    const templates = await client.templates.list({ businessAccountId: WHATSAPP.waba, limit: 2 });
    expect(templates.data.map(({ name }) => name)).toEqual(['hello_world', 'order_update']);
  });

  it('@great-detail/whatsapp sends, reads numbers and profile, and verifies our signature', async () => {
    const client = new GreatDetailClient({
      baseUrl: sandbox.metaUrl,
      graphVersion: 'v26.0',
      request: { headers: { authorization: `Bearer ${WHATSAPP.token}` } },
    });
    const phoneNumberID = WHATSAPP.number;
    const to = '27820000001';
    const sent: any = await client.message
      .createMessage({ phoneNumberID, to, type: 'text', text: { body: 'Sawubona' } } as any)
      .json();
    expect(sent.messages[0].id).toMatch(/^wamid\./);
    const number: any = await client.phoneNumbers
      .getPhoneNumber({ phoneNumberID, fields: ['status', 'verified_name'] } as any)
      .json();
    expect(number).toMatchObject({ id: phoneNumberID, status: 'CONNECTED' });
    const numbers: any = await client.phoneNumbers.listPhoneNumbers({ businessAccountID: WHATSAPP.waba } as any).json();
    expect(numbers.data).toHaveLength(2);
    const profile: any = await client.businessProfile
      .getBusinessProfile({ phoneNumberID, fields: ['about'] } as any)
      .json();
    expect(profile.data[0].about).toEqual(expect.any(String));

    const receiver = await startMetaReceiver();
    await sandbox.listen(receiver, null);
    await sandbox.control('POST', '/messages', { account_id: WHATSAPP.number, from: to, text: 'Ça va 👍' });
    const [{ headers, text }] = (await receiver.until(1)) as [any];
    const event: any = await client.webhook.eventNotification({
      method: 'POST',
      headers,
      body: text,
      query: {},
    } as any);
    expect(await event.checkSignature(APP.secret)).toBe(true);
    expect(await event.checkSignature('another')).toBe(false);
    await receiver.close();
  });
});
