import fc from 'fast-check';
import { detailChanges, type AccountDetails } from '../../domain/accounts.ts';

const details = (): AccountDetails => ({
  connection_config: {
    phone_number: '+919876543210',
    account_type: 'WHATSAPP',
    messaging_status: 'OK',
    messaging_source_id: 'source-1',
    created_at: '2026-05-04T10:00:00.000Z',
    sources: [{ id: 'source-1', status: 'OK' }],
    groups: ['sales'],
    last_api_sync: '2026-05-04T10:00:00.000Z',
    full_api_response: { any: 'thing' },
    api_object_type: 'Account',
  },
  provider_config: {
    features: { send: true, receive: true, read_receipts: true, delivery_status: true, media: true },
    webhook_events: ['message_received'],
    rate_limits: { per_hour: 100, per_day: null, burst: null },
    notification_preferences: { messages: true, receipts: true, account_status: true },
    account_metadata: { country_code: 'IN', display_name: 'Asha', creation_date: null },
    messaging_enabled: true,
    provider_type: 'WHATSAPP',
    formatted_phone_number: '+91 98765 43210',
  },
});

it('finds no change where nothing changed', () => expect(detailChanges(details(), details())).toEqual([]));

it('names each changed point by its path, with its value before and after', () => {
  const after = details();
  after.connection_config.messaging_status = 'CREDENTIALS';
  after.provider_config.messaging_enabled = false;
  expect(detailChanges(details(), after)).toEqual([
    { path: 'connection_config.messaging_status', before: 'OK', after: 'CREDENTIALS' },
    { path: 'provider_config.messaging_enabled', before: true, after: false },
  ]);
});

it('lists the whole point when a part of it changed', () => {
  const after = details();
  after.provider_config.rate_limits.per_hour = 50;
  expect(detailChanges(details(), after)).toEqual([
    {
      path: 'provider_config.rate_limits',
      before: { per_hour: 100, per_day: null, burst: null },
      after: { per_hour: 50, per_day: null, burst: null },
    },
  ]);
});

it('lists a removed value', () => {
  const after = details();
  after.connection_config.phone_number = null;
  expect(detailChanges(details(), after)).toEqual([
    { path: 'connection_config.phone_number', before: '+919876543210', after: null },
  ]);
});

it('lists every point of a first collection as new', () => {
  const paths = detailChanges(null, details()).map((change) => change.path);
  expect(paths).toHaveLength(8 + 8);
  expect(paths).toContain('connection_config.phone_number');
  expect(paths).toContain('provider_config.features');
  for (const change of detailChanges(null, details())) expect(change.before).toBeNull();
});

it('does not list a point without a value at a first collection', () => {
  const after = details();
  after.connection_config.phone_number = null;
  expect(detailChanges(null, after).map((change) => change.path)).not.toContain('connection_config.phone_number');
});

it('ignores the time of the collection and the raw answer', () => {
  const after = details();
  after.connection_config.last_api_sync = '2027-01-01T00:00:00.000Z';
  after.connection_config.full_api_response = { quite: 'another' };
  expect(detailChanges(details(), after)).toEqual([]);
});

it('lists a changed order of a list: the first source is the one in use', () => {
  const [before, after] = [details(), details()];
  before.connection_config.groups = ['a', 'b'];
  after.connection_config.groups = ['b', 'a'];
  expect(detailChanges(before, after)).toHaveLength(1);
});

it('ignores the order of keys at any depth: the database does not keep it', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (!value || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([key, inner]) => [key, shuffled(inner)] as const);
    return Object.fromEntries(entries.toReversed());
  };
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.string(), status: fc.string() }, { noNullPrototype: true })), (sources) => {
      const before = details();
      before.connection_config.sources = sources;
      expect(detailChanges(before, shuffled(before) as AccountDetails)).toEqual([]);
      expect(detailChanges(shuffled(before) as AccountDetails, before)).toEqual([]);
    }),
  );
});
