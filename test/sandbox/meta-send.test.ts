import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../support/eventually.ts';
import {
  startMetaReceiver,
  startMetaSandbox,
  WHATSAPP,
  type ConnectedPage,
  type MetaReceiver,
  type MetaSandbox,
} from './meta-sandbox.ts';

const DAY = 86_400;

describe("sending by Meta's sandbox", () => {
  let sandbox: MetaSandbox;
  let page: ConnectedPage;
  let receiver: MetaReceiver;
  beforeEach(async () => {
    sandbox = await startMetaSandbox();
    receiver = await startMetaReceiver();
    page = await sandbox.page('plain@a.test');
    await sandbox.listen(receiver, page);
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const write = async (account_id: string, from: string, more = {}): Promise<any> =>
    (await sandbox.control('POST', '/messages', { account_id, from, text: 'Hello', ...more })).body;
  const send = (body: Record<string, unknown>, path = `/${page.id}/messages`, token = page.token) =>
    sandbox.graph('POST', path, token, body);
  const last = (): any => receiver.items().at(-1)?.item;

  describe('on Messenger and Instagram', () => {
    const personOf = async (account: string): Promise<string> => {
      const { chat_id } = await write(account, 'zanele');
      const { body } = await sandbox.control('GET', `/conversations?account_id=${account}`);
      return body.find((one: any) => one.chat_id === chat_id).provider_chat_id;
    };

    it('answers ids, and sends the echo with the app, the metadata and the quoted message', async () => {
      const id = await personOf(page.id);
      const quoted = (await receiver.until(1))[0]!.body.entry[0].messaging[0].message.mid;
      const sent = await send({
        recipient: { id },
        messaging_type: 'RESPONSE',
        message: { text: 'Sawubona', metadata: 'ref-1', quick_replies: [] },
        reply_to: { mid: quoted },
      });
      expect(sent.body).toEqual({ recipient_id: id, message_id: expect.stringMatching(/^m_/) });
      await receiver.until(2);
      expect(last()).toEqual({
        sender: { id: page.id },
        recipient: { id },
        timestamp: expect.any(Number),
        message: {
          mid: sent.body.message_id,
          is_echo: true,
          app_id: 'sandbox-app',
          metadata: 'ref-1',
          text: 'Sawubona',
          reply_to: { mid: quoted, is_self_reply: false },
        },
      });
    });

    it("sends to Instagram by the Page's id, with the echo within messages, and by Instagram login", async () => {
      const id = await personOf(page.instagram!);
      const sent = await send({ recipient: { id }, message: { text: 'Sawubona' } });
      expect(sent.body).toEqual({ recipient_id: id, message_id: expect.stringMatching(/^aWdf/) });
      await receiver.until(2);
      expect(receiver.items().at(-1)).toMatchObject({
        object: 'instagram',
        entry: page.instagram,
        item: { sender: { id: page.instagram }, message: { mid: sent.body.message_id, is_echo: true } },
      });
      const { token } = await sandbox.instagramToken('plain@a.test');
      const own = await send({ recipient: { id }, message: { text: 'Again' } }, '/me/messages', token);
      expect(own.body.recipient_id).toBe(id);
    });

    it.each([
      ['messenger', 2018278, 2018001],
      ['instagram', 2534022, 2534014],
    ])(
      '%s: only to people who wrote, within 24 hours of the clock, or by HUMAN_AGENT within 7 days',
      async (channel, closed, unknown) => {
        const { token, account } = await sandbox.instagramToken('plain@a.test');
        const isMessenger = channel === 'messenger';
        const [path, key] = isMessenger ? [`/${page.id}/messages`, page.token] : [`/${account}/messages`, token];
        const id = await personOf(isMessenger ? page.id : account);
        const message = { text: 'Hello' };
        const tag = { messaging_type: 'MESSAGE_TAG', tag: 'HUMAN_AGENT' };
        expect((await send({ recipient: { id: '1' }, message }, path, key)).body.error).toMatchObject({
          code: 100,
          error_subcode: unknown,
        });
        const key2 = isMessenger
          ? key
          : (
              await sandbox.graph('GET', '/access_token', token, {
                grant_type: 'ig_exchange_token',
                client_secret: 'sandbox-app-secret',
              })
            ).body.access_token;
        await sandbox.later(DAY - 10);
        expect((await send({ recipient: { id }, message }, path, key2)).status).toBe(200);
        await sandbox.later(20);
        expect((await send({ recipient: { id }, message }, path, key2)).body.error).toMatchObject({
          code: 10,
          error_subcode: closed,
        });
        expect((await send({ recipient: { id }, message, ...tag }, path, key2)).status).toBe(200);
        await sandbox.later(7 * DAY);
        expect((await send({ recipient: { id }, message, ...tag }, path, key2)).body.error.code).toBe(10);
        await write(isMessenger ? page.id : account, 'zanele');
        expect((await send({ recipient: { id }, message }, path, key2)).status).toBe(200);
        const ended = await send(
          { recipient: { id }, message, messaging_type: 'MESSAGE_TAG', tag: 'ACCOUNT_UPDATE' },
          path,
          key2,
        );
        expect(ended.body.error.code).toBe(100);
      },
    );

    it('takes files by address, by upload and sent along; Instagram takes several images', async () => {
      const files: Server = createServer((req, res) => {
        if (req.url === '/gone.png') return void res.writeHead(404).end();
        res.writeHead(200, { 'content-type': 'image/png' }).end('png');
      });
      await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
      const at = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
      const id = await personOf(page.id);
      const image = (payload: object) => ({ attachment: { type: 'image', payload } });
      expect((await send({ recipient: { id }, message: image({ url: `${at}/a.png` }) })).status).toBe(200);
      expect((await send({ recipient: { id }, message: image({ url: `${at}/gone.png` }) })).body.error.code).toBe(100);
      const upload = new FormData();
      upload.append('message', JSON.stringify(image({ is_reusable: true })));
      upload.append('filedata', new File(['bytes'], 'a.png', { type: 'image/png' }));
      const uploaded = await fetch(
        `${sandbox.metaUrl}/v26.0/${page.id}/message_attachments?access_token=${page.token}`,
        {
          method: 'POST',
          body: upload,
        },
      );
      const { attachment_id } = (await uploaded.json()) as { attachment_id: string };
      const sent = await send({ recipient: { id }, message: image({ attachment_id }) });
      const shown = await sandbox.graph('GET', `/${sent.body.message_id}`, page.token, { fields: 'attachments' });
      const [file] = shown.body.attachments.data;
      expect(file).toMatchObject({ mime_type: 'image/png', image_data: { url: expect.any(String) } });
      expect(await (await fetch(file.image_data.url)).text()).toBe('bytes');
      const two = { attachments: [image({ url: `${at}/a.png` }).attachment, image({ url: `${at}/b.png` }).attachment] };
      expect((await send({ recipient: { id }, message: two })).body.error.code).toBe(100);
      const person = await personOf(page.instagram!);
      expect((await send({ recipient: { id: person }, message: two })).status).toBe(200);
      files.close();
    });

    it('refuses a text that is too long, an empty message, and a text beside a file', async () => {
      const id = await personOf(page.id);
      for (const message of [{ text: 'x'.repeat(2001) }, {}, { text: 'a', sticker_id: '1' }]) {
        expect((await send({ recipient: { id }, message })).body.error.code).toBe(100);
      }
      expect((await send({ recipient: { id }, message: { text: 'x'.repeat(2000) } })).status).toBe(200);
    });

    it('shows typing, marks as seen and reacts', async () => {
      const id = await personOf(page.id);
      const [first] = (await sandbox.control('GET', `/conversations?account_id=${page.id}`)).body;
      expect(first.unread).toBe(1);
      for (const sender_action of ['typing_on', 'typing_off', 'mark_seen']) {
        expect((await send({ recipient: { id }, sender_action })).body).toEqual({ recipient_id: id });
      }
      const message_id = first.messages[0].message_id;
      await send({ recipient: { id }, sender_action: 'react', payload: { message_id, reaction: 'love' } });
      const [after] = (await sandbox.control('GET', `/conversations?account_id=${page.id}`)).body;
      expect(after).toMatchObject({ unread: 0, messages: [{ reactions: [{ from: null, value: 'love' }] }] });
      expect((await send({ recipient: { id }, sender_action: 'wave' })).body.error.code).toBe(100);
    });
  });

  describe('on WhatsApp', () => {
    const ana = '27820000001';
    const whatsapp = (body: Record<string, unknown>) =>
      send({ messaging_product: 'whatsapp', to: `+${ana}`, ...body }, `/${WHATSAPP.number}/messages`, WHATSAPP.token);
    const text = (body: string) => ({ type: 'text', text: { body } });
    beforeEach(async () => {
      await sandbox.graph('POST', `/${WHATSAPP.waba}/subscribed_apps`, WHATSAPP.token);
      await write(WHATSAPP.number, ana);
      await receiver.until(1);
    });

    it('answers the accepted message, and reports sent, delivered and read, with a price and our own data', async () => {
      const sent = await whatsapp({ ...text('Sawubona'), biz_opaque_callback_data: 'ref-1' });
      expect(sent.body).toEqual({
        messaging_product: 'whatsapp',
        contacts: [{ input: `+${ana}`, wa_id: ana, user_id: expect.stringMatching(/^ZA\.\d{17}$/) }],
        messages: [{ id: expect.stringMatching(/^wamid\./) }],
      });
      const { id } = sent.body.messages[0];
      for (const status of ['delivered', 'read']) {
        await sandbox.control('POST', '/receipts', { account_id: WHATSAPP.number, message_id: id, status });
      }
      await receiver.until(4);
      const statuses = receiver.items().flatMap(({ item }) => item.value?.statuses ?? []);
      expect(statuses.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read']);
      expect(statuses[0]).toMatchObject({
        id,
        recipient_id: ana,
        timestamp: expect.stringMatching(/^\d{10}$/),
        pricing: { billable: false, pricing_model: 'PMP', category: 'service' },
        biz_opaque_callback_data: 'ref-1',
      });
    });

    it('the window closes after 24 hours of the clock; a template goes out all the same', async () => {
      await sandbox.later(DAY + 1);
      expect((await whatsapp(text('late'))).body.error).toMatchObject({
        code: 131047,
        error_data: { details: expect.any(String) },
      });
      const hello = await whatsapp({
        type: 'template',
        template: { name: 'hello_world', language: { code: 'en_US' } },
      });
      expect(hello.body.messages).toEqual([{ id: expect.any(String), message_status: 'accepted' }]);
      await sandbox.variant('window_answer', 'status');
      expect((await whatsapp(text('late'))).status).toBe(200);
      const failed = await eventually('the failed status', () =>
        Promise.resolve(receiver.items().find(({ item }) => item.value?.statuses?.[0].status === 'failed')),
      );
      expect(failed.item.value.statuses[0].errors).toEqual([expect.objectContaining({ code: 131047 })]);
      await write(WHATSAPP.number, ana);
      expect((await whatsapp(text('in time'))).status).toBe(200);
    });

    it('+15550000047 answers 131047 to text, open window or not, and takes a template', async () => {
      await write(WHATSAPP.number, '15550000047');
      const to = '+15550000047';
      expect((await whatsapp({ to, ...text('Hello') })).body.error.code).toBe(131047);
      const template = { name: 'hello_world', language: { code: 'en_US' } };
      expect((await whatsapp({ to, type: 'template', template })).status).toBe(200);
    });

    it.each([
      ['no such name', { name: 'nothing', language: { code: 'en' } }, 132001],
      ['no such language', { name: 'hello_world', language: { code: 'de' } }, 132001],
      ['too few parameters', { name: 'order_update', language: { code: 'de' }, components: [body('Ana')] }, 132000],
      ['too many parameters', { name: 'hello_world', language: { code: 'en_US' }, components: [body('Ana')] }, 132000],
      [
        'a new line in one',
        { name: 'order_update', language: { code: 'de' }, components: [body('Ana', 'a\nb')] },
        132018,
      ],
      [
        'a wrong name of one',
        { name: 'appointment', language: { code: 'en' }, components: [named('day', 'x'), named('night', 'y')] },
        132012,
      ],
      ['a header without its picture', { name: 'new_menu', language: { code: 'en' } }, 132012],
      [
        'a button without its address',
        { name: 'order_update', language: { code: 'en' }, components: [body('Ana', '7')] },
        131008,
      ],
      ['a paused one', { name: 'old_offer', language: { code: 'en' } }, 132015],
    ])('checks a template: %s', async (_what, template, code) => {
      expect((await whatsapp({ type: 'template', template })).body.error.code).toBe(code);
    });

    it('fills a template with its parameters', async () => {
      const button = { type: 'button', sub_type: 'url', index: '1', parameters: [{ type: 'text', text: '7' }] };
      const template = { name: 'order_update', language: { code: 'en' }, components: [body('Ana', '7'), button] };
      expect((await whatsapp({ type: 'template', template })).status).toBe(200);
      const appointment = {
        type: 'body',
        parameters: [...named('day', 'Monday').parameters, ...named('first_name', 'Ana').parameters],
      };
      await whatsapp({
        type: 'template',
        template: { name: 'appointment', language: { code: 'en' }, components: [appointment] },
      });
      const [{ messages }] = (await sandbox.control('GET', `/conversations?account_id=${WHATSAPP.number}`)).body;
      expect(messages.slice(1).map((one: any) => one.text)).toEqual([
        'Hi Ana, your order 7 is on its way.',
        'Hi Ana, see you on Monday.',
      ]);
    });

    it('uploads a file, sends it, and gives its bytes for five minutes to the right token', async () => {
      const form = new FormData();
      form.append('messaging_product', 'whatsapp');
      form.append('type', 'image/png');
      form.append('file', new File(['png'], 'a.png', { type: 'image/png' }));
      const uploaded = await fetch(`${sandbox.metaUrl}/v26.0/${WHATSAPP.number}/media`, {
        method: 'POST',
        headers: { authorization: `Bearer ${WHATSAPP.token}` },
        body: form,
      });
      const { id } = (await uploaded.json()) as { id: string };
      expect((await whatsapp({ type: 'image', image: { id, caption: 'Menu' } })).status).toBe(200);
      const media = await sandbox.graph('GET', `/${id}`, WHATSAPP.token);
      expect(media.body).toEqual({
        messaging_product: 'whatsapp',
        url: expect.any(String),
        mime_type: 'image/png',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        file_size: 3,
        id,
      });
      const get = (headers = {}) => fetch(media.body.url, { headers });
      const authorization = `Bearer ${WHATSAPP.token}`;
      expect((await get()).status).toBe(401);
      expect(await (await get({ authorization })).text()).toBe('png');
      await sandbox.later(301);
      expect((await get({ authorization })).status).toBe(404);
      await sandbox.later(30 * DAY);
      expect((await sandbox.graph('GET', `/${id}`, WHATSAPP.token)).body.error.code).toBe(100);
    });

    it('marks as read, types, reacts, and refuses what is wrong', async () => {
      const [{ messages }] = (await sandbox.control('GET', `/conversations?account_id=${WHATSAPP.number}`)).body;
      const message_id = messages[0].message_id;
      const mark = { status: 'read', message_id, typing_indicator: { type: 'text' } };
      expect((await whatsapp(mark)).body).toEqual({ success: true });
      expect((await whatsapp({ type: 'reaction', reaction: { message_id, emoji: '👍' } })).status).toBe(200);
      expect((await whatsapp({ status: 'read', message_id: 'wamid.none' })).body.error.code).toBe(131009);
      expect(
        (await whatsapp({ type: 'reaction', reaction: { message_id: 'wamid.none', emoji: '👍' } })).body.error.code,
      ).toBe(131009);
      expect((await whatsapp(text('x'.repeat(4097)))).body.error.code).toBe(100);
      expect((await whatsapp({ to: '+27110000001', ...text('to myself') })).body.error.code).toBe(131021);
      expect((await whatsapp({ type: 'image', image: { id: '1' } })).body.error.code).toBe(100);
      expect((await whatsapp({ messaging_product: 'sms', ...text('a') })).body.error.code).toBe(100);
      await sandbox.control('POST', '/drop', { account_id: WHATSAPP.number, status: 'DISCONNECTED' });
      expect((await whatsapp(text('a'))).body.error.code).toBe(133010);
    });

    it('writes to a business-scoped id, and hides numbers by variant', async () => {
      const sent = await whatsapp({
        to: undefined,
        recipient: 'ZA.70000000000000001',
        type: 'template',
        template: { name: 'hello_world', language: { code: 'en_US' } },
      });
      expect(sent.body.contacts).toEqual([{ input: 'ZA.70000000000000001', user_id: 'ZA.70000000000000001' }]);
      await sandbox.variant('whatsapp_phones', 'absent');
      await write(WHATSAPP.number, ana);
      const messages = () => receiver.items().filter(({ item }) => item.value?.messages);
      await eventually('the second message', () => Promise.resolve(messages().length === 2));
      const { value } = messages()[1]!.item;
      expect(value.messages[0]).not.toHaveProperty('from');
      expect(value.contacts[0]).toEqual({
        profile: { name: expect.any(String) },
        user_id: expect.stringMatching(/^ZA\./),
      });
    });

    it('shows numbers, profile, templates page by page, and adds a number', async () => {
      const numbers = await sandbox.graph('GET', `/${WHATSAPP.waba}/phone_numbers`, WHATSAPP.token);
      expect(numbers.body.data.map(({ id }: any) => id)).toEqual([WHATSAPP.number, '201000000000002']);
      const added = await sandbox.graph('POST', `/${WHATSAPP.waba}/phone_numbers`, WHATSAPP.token, {
        cc: '27',
        phone_number: '110000099',
      });
      expect(
        (
          await sandbox.graph('POST', `/${added.body.id}/register`, WHATSAPP.token, {
            messaging_product: 'whatsapp',
            pin: '123456',
          })
        ).body,
      ).toEqual({ success: true });
      const profile = await sandbox.graph('GET', `/${WHATSAPP.number}/whatsapp_business_profile`, WHATSAPP.token, {
        fields: 'about',
      });
      expect(profile.body.data).toEqual([{ about: expect.any(String), messaging_product: 'whatsapp' }]);
      const first = await sandbox.graph('GET', `/${WHATSAPP.waba}/message_templates`, WHATSAPP.token, {
        limit: 4,
        fields: 'name,language',
      });
      expect(first.body.data[0]).toMatchObject({ name: 'hello_world', language: 'en_US' });
      const next: any = await (await fetch(first.body.paging.next)).json();
      expect(next.data.length).toBeGreaterThan(0);
      const dead = await sandbox.graph('GET', `/${WHATSAPP.waba}/message_templates`, WHATSAPP.token, {
        after: 'ZGVhZA',
      });
      expect(dead.body.error.code).toBe(131059);
    });
  });
});

function body(...texts: string[]) {
  return { type: 'body', parameters: texts.map((text) => ({ type: 'text', text })) };
}
function named(parameter_name: string, text: string) {
  return { type: 'body', parameters: [{ type: 'text', parameter_name, text }] };
}
