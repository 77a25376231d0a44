import { businessId, eventsOf, numberId, ofNumber, reference, sentAt } from './events.ts';

const one = (body: object): any => eventsOf(body)[0];
const seconds = String(Math.floor(sentAt / 1000));
const inSeconds = Math.floor(sentAt / 1000) * 1000;

describe('WhatsApp', () => {
  const contacts = [{ profile: { name: 'Zanele' }, wa_id: '27820000001', user_id: 'ZA.70000000000000001' }];
  const [jid, bsuid] = ['27820000001@s.whatsapp.net', 'ZA.70000000000000001'];
  const message = (more: object, value: object = { contacts }) =>
    one(
      ofNumber({
        ...value,
        messages: [{ id: 'wamid.1', timestamp: seconds, type: 'text', text: { body: 'Sawubona' }, ...more }],
      }),
    );

  it('a message is read whole', () =>
    expect(message({ from: '27820000001', from_user_id: bsuid, context: { id: 'wamid.0' } })).toMatchObject({
      kind: 'message',
      providerAccountId: numberId,
      message: {
        keys: ['wamid.1'],
        conversationKeys: [bsuid, jid],
        direction: 'in',
        sender: { keys: [bsuid, jid], name: 'Zanele', phone: '+27820000001', isSelf: false },
        text: 'Sawubona',
        sentAt: inSeconds,
        quotedKey: 'wamid.0',
      },
      conversation: { keys: [bsuid, jid], kind: 'person' },
    }));

  it.each<[string, object, object, string[]]>([
    ['by number alone', { from: '27820000001' }, {}, [jid]],
    ['by id alone', { from_user_id: bsuid }, {}, [bsuid]],
    ['by id, with an empty number', { from: '', from_user_id: bsuid }, {}, [bsuid]],
    ['by number, the id beside it', { from: '27820000001' }, { contacts }, [bsuid, jid]],
    ['by id, the number beside it', { from_user_id: bsuid }, { contacts }, [bsuid, jid]],
    [
      'by id, its contact without a number',
      { from_user_id: bsuid },
      { contacts: [{ user_id: bsuid, wa_id: '' }] },
      [bsuid],
    ],
    [
      'with the id of the business portfolio',
      { from_user_id: bsuid, from_parent_user_id: 'ZA.ENT.8' },
      {},
      [bsuid, 'ZA.ENT.8'],
    ],
  ])('names the person %s', (_name, more, value, keys) => {
    const event = message(more, value);
    expect(event.message).toMatchObject({ conversationKeys: keys, sender: { keys } });
  });

  it('of a group is in the group', () =>
    expect(message({ from: '27820000001', group_id: 'group-1' })).toMatchObject({
      message: { conversationKeys: ['group-1'], sender: { keys: [bsuid, jid] } },
      conversation: { keys: ['group-1'], kind: 'group' },
    }));

  it.each<[string, object, string | null]>([
    ['image', { image: { id: '1', caption: 'Look' } }, 'Look'],
    ['document', { document: { id: '1', filename: 'a.pdf' } }, null],
    [
      'location',
      { location: { latitude: -33.9, longitude: 18.4, name: 'Karoo', address: 'Main Rd' } },
      'Karoo\nMain Rd\n-33.9, 18.4',
    ],
    [
      'contacts',
      { contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+33 6 39 98 00 01' }] }, {}] },
      'Ana\n+33639980001',
    ],
    ['button', { button: { text: 'Yes', payload: 'YES' } }, 'Yes'],
    ['interactive', { interactive: { type: 'list_reply', list_reply: { id: 'r', title: 'Tea' } } }, 'Tea'],
    ['interactive', { interactive: { type: 'nfm_reply', nfm_reply: { body: 'Sent', response_json: '{}' } } }, 'Sent'],
    [
      'order',
      { order: { text: 'Please', product_items: [{ product_retailer_id: 'tea', quantity: 2 }] } },
      'Please\n2 x tea',
    ],
    ['unsupported', { unsupported: { type: 'poll', raw_type: 'poll_creation' }, errors: [{ code: 131051 }] }, null],
    ['something_new', { something_new: {} }, null],
  ])('a message of the type %s has its text', (type, more, text) => {
    const event = message({ from: '27820000001', type, text: undefined, ...more });
    expect(event).toMatchObject({ kind: 'message', message: { text } });
  });

  it('keeps what a button, a forward, an advertisement and an unknown type tell', () => {
    const context = (more: object) => message({ from: '27820000001', ...more }).message.context;
    expect(context({ type: 'button', button: { text: 'Yes', payload: 'YES' } })).toEqual({ payload: 'YES' });
    expect(
      context({ type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'b', title: 'Yes' } } }),
    ).toEqual({ payload: 'b' });
    expect(context({ context: { forwarded: true } })).toEqual({ forwarded: true });
    expect(
      context({
        referral: { source_url: 'https://fb.me/a', source_type: 'ad', source_id: '7', headline: 'Sale', body: 'Now' },
      }),
    ).toEqual({
      referral: { source: 'ad', id: '7', headline: 'Sale', body: 'Now', url: 'https://fb.me/a' },
    });
    expect(context({ type: 'unsupported', unsupported: { raw_type: 'poll_creation' } })).toEqual({
      contentType: 'poll_creation',
    });
    expect(context({ type: 'something_new' })).toEqual({ contentType: 'something_new' });
    expect(context({})).toBeUndefined();
  });

  it.each([
    ['image', 'image'],
    ['video', 'video'],
    ['audio', 'audio'],
    ['document', 'document'],
    ['sticker', 'sticker'],
  ])('a file of the type %s is fetched by its id', (type, kind) => {
    const file = {
      id: '900',
      mime_type: 'audio/ogg; codecs=opus',
      voice: true,
      url: 'https://lookaside.fbsbx.com/a',
      filename: 'a.bin',
    };
    expect(message({ from: '27820000001', type, [type]: file }).message.attachments).toMatchObject([
      { key: '0', kind, mimeType: 'audio/ogg', fileName: 'a.bin', voice: true, source: { media: '900' } },
    ]);
  });

  it('reactions, edits and deletions are of other messages', () => {
    const from = { from: '27820000001' };
    const reaction = (told: object) =>
      eventsOf(
        ofNumber({
          messages: [
            { id: 'w', timestamp: seconds, ...from, type: 'reaction', reaction: { message_id: 'wamid.0', ...told } },
          ],
        }),
      );
    expect(reaction({ emoji: '👍' })).toMatchObject([
      { kind: 'reaction', messageKeys: ['wamid.0'], emoji: '👍', by: { keys: [jid] }, at: inSeconds },
      { kind: 'conversation', conversations: [{ keys: [jid], lastActionAt: inSeconds }] },
    ]);
    for (const told of [{}, { emoji: '' }]) expect(reaction(told)[0]).toMatchObject({ emoji: null });
    expect(
      message({
        ...from,
        type: 'edit',
        edit: { original_message_id: 'wamid.0', message: { type: 'text', text: { body: 'Better' } } },
      }),
    ).toMatchObject({
      kind: 'edit',
      messageKeys: ['wamid.0'],
      text: 'Better',
    });
    expect(message({ ...from, type: 'revoke', revoke: { original_message_id: 'wamid.0' } })).toMatchObject({
      kind: 'delete',
      messageKeys: ['wamid.0'],
    });
  });

  it('a change of ids joins the old ones and the new ones', () => {
    const system = (told: object) => message({ from: '27820000001', type: 'system', system: told }, {});
    expect(system({ type: 'user_changed_number', wa_id: '27820000002', body: 'Changed' })).toMatchObject({
      message: { event: 'id_changed', text: 'Changed', conversationKeys: [jid, '27820000002@s.whatsapp.net'] },
    });
    const changed = message(
      {
        from_user_id: 'ZA.2',
        type: 'system',
        system: { type: 'user_changed_user_id', user_id: 'ZA.2', previous_user_id: 'ZA.1' },
      },
      {},
    );
    expect(changed.message).toMatchObject({
      event: 'id_changed',
      conversationKeys: ['ZA.2', 'ZA.1'],
      sender: { keys: ['ZA.2', 'ZA.1'] },
    });
    expect(system({ type: 'customer_identity_changed' }).message).toMatchObject({ event: 'unknown' });
  });

  const status = (more: object) =>
    one(
      ofNumber({
        statuses: [{ id: 'wamid.9', status: 'sent', timestamp: seconds, recipient_id: '27820000001', ...more }],
      }),
    );

  it.each(['sent', 'delivered', 'read', 'played'])('a status says %s, with its price', (word) =>
    expect(
      status({
        status: word,
        biz_opaque_callback_data: reference,
        pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' },
      }),
    ).toMatchObject({
      kind: 'receipt',
      providerAccountId: numberId,
      status: word,
      messageKeys: ['wamid.9', reference],
      by: null,
      at: inSeconds,
      pricing: { billable: true, model: 'PMP', type: 'regular', category: 'utility' },
    }),
  );

  it.each([
    [131_047, 'window_closed'],
    [131_026, 'recipient_unreachable'],
    [131_049, 'message_held_back'],
    [132_001, 'template_refused'],
    [999_999, 'request_refused'],
  ])('a failed status tells why: %i is %s', (code, reason) => {
    const event = status({ status: 'failed', errors: [{ code, title: 'A title of 27820000001' }] });
    expect(event).toMatchObject({
      status: 'failed',
      failure: { reason, detail: expect.stringContaining(String(code)) },
    });
    expect(event.failure.detail).not.toContain('27820000001');
    expect(status({ status: 'failed' }).failure).toMatchObject({ reason: 'request_refused' });
  });

  it('a status of a group is of one of its people', () =>
    expect(
      status({ recipient_type: 'group', recipient_id: 'group-1', recipient_participant_id: '27820000001' }),
    ).toMatchObject({ by: { keys: [jid] }, conversationKeys: ['group-1'] }));

  it('statuses that differ are not one', () => {
    const keys = ['sent', 'delivered', 'warning', 'odd!'].map((word) => status({ status: word }).dedupeKey);
    expect(new Set(keys).size).toBe(4);
    expect(status({ status: 'warning' })).toMatchObject({ kind: 'receipt', status: null });
  });

  it('echoes of the app on the phone are of the account', () =>
    expect(
      one(
        ofNumber(
          {
            message_echoes: [
              {
                id: 'w',
                from: '27110000000',
                to: '27820000001',
                to_user_id: bsuid,
                timestamp: seconds,
                type: 'text',
                text: { body: 'Hi' },
              },
            ],
          },
          'smb_message_echoes',
        ),
      ),
    ).toMatchObject({
      kind: 'message',
      message: { direction: 'out', sender: null, conversationKeys: [bsuid, jid], status: 'sent' },
    }));

  it('a history is no news, and tells who wrote what', () => {
    const messages = [
      {
        id: 'a',
        from: '27820000001',
        timestamp: seconds,
        type: 'text',
        text: { body: 'Hi' },
        history_context: { status: 'READ' },
      },
      {
        id: 'b',
        from: '27110000000',
        timestamp: seconds,
        type: 'text',
        text: { body: 'Yes' },
        history_context: { status: 'READ' },
      },
      { id: 'c', from: '27110000000', timestamp: seconds, type: 'media_placeholder' },
    ];
    const events = eventsOf(
      ofNumber({ history: [{ metadata: { phase: 0 }, threads: [{ id: '27820000001', messages }] }] }, 'history'),
    );
    expect(events).toMatchObject([
      { kind: 'message', isHistory: true, message: { direction: 'in', status: null, conversationKeys: [jid] } },
      { kind: 'message', isHistory: true, message: { direction: 'out', status: 'read', conversationKeys: [jid] } },
      { kind: 'message', isHistory: true, message: { context: { contentType: 'media_placeholder' } } },
    ]);
  });

  it.each<[string, string, object, string]>([
    ['account_update', 'PARTNER_REMOVED', {}, 'login_lost'],
    ['account_update', 'PARTNER_APP_UNINSTALLED', {}, 'login_lost'],
    ['account_update', 'ACCOUNT_OFFBOARDED', {}, 'login_lost'],
    ['account_update', 'ACCOUNT_DELETED', {}, 'deleted'],
    ['account_update', 'ACCOUNT_RESTRICTION', {}, 'degraded'],
    ['account_update', 'ACCOUNT_RECONNECTED', {}, 'linked'],
    ['account_update', 'DISABLED_UPDATE', { ban_info: { waba_ban_state: 'DISABLE' } }, 'degraded'],
    ['account_update', 'DISABLED_UPDATE', { ban_info: { waba_ban_state: 'REINSTATE' } }, 'linked'],
    ['account_update', 'SOMETHING_NEW', {}, 'unknown'],
    ['phone_number_quality_update', 'FLAGGED', {}, 'unknown'],
  ])('%s %s is told of every number of the business account', (field, event, more, expected) =>
    expect(
      one({
        object: 'whatsapp_business_account',
        entry: [{ id: businessId, changes: [{ field, value: { event, ...more } }] }],
      }),
    ).toMatchObject({
      kind: 'account_status',
      status: expected,
      providerAccountId: null,
      providerGroup: `waba:${businessId}`,
    }),
  );

  it('changes of templates are kept', () =>
    expect(
      one({
        object: 'whatsapp_business_account',
        entry: [
          { id: businessId, changes: [{ field: 'message_template_status_update', value: { event: 'REJECTED' } }] },
        ],
      }),
    ).toMatchObject({ kind: 'other', type: 'whatsapp.message_template_status_update.rejected' }));
});
