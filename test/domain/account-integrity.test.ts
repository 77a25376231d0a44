import { faultsOf, type StoredDetails } from '../../domain/account-integrity.ts';
import { shownAddress } from '../../domain/shown-address.ts';

const now = Date.UTC(2026, 4, 4);
const right: StoredDetails = {
  identity: '+33639980001',
  connectionConfig: {
    phone_number: '+33639980001',
    account_type: 'WHATSAPP',
    messaging_status: 'OK',
    messaging_source_id: null,
    created_at: null,
    sources: [],
    groups: [],
    last_api_sync: '2026-05-03T00:00:00Z',
    api_object_type: 'Account',
  },
  providerConfig: {
    features: {},
    webhook_events: [],
    rate_limits: {},
    notification_preferences: {},
    account_metadata: {},
    messaging_enabled: true,
    provider_type: 'WHATSAPP',
    formatted_phone_number: null,
  },
  detailsAt: now - 3_600_000,
};
const without = (part: 'connectionConfig' | 'providerConfig', name: string): StoredDetails => {
  const { [name]: _left, ...rest } = right[part] as Record<string, unknown>;
  return { ...right, [part]: rest };
};

it.each([
  ['right', right, []],
  ['never collected', { ...right, detailsAt: null }, ['missing']],
  ['lost', { ...right, connectionConfig: null }, ['missing']],
  ['without one of the ten points', without('connectionConfig', 'sources'), ['incomplete']],
  ['without one of the eight points', without('providerConfig', 'features'), ['incomplete']],
  ['two days old', { ...right, detailsAt: now - 48 * 3_600_000 }, ['stale']],
  ['of another number', { ...right, identity: '+33639980002' }, ['other_number']],
  ['of a channel without numbers', { ...right, identity: 'member-1' }, []],
] as const)('A13: details that are %s', (_what, stored, faults) => expect(faultsOf(stored, now)).toEqual(faults));

it.each([
  ['https://api.example.com/webhooks/meta/Zx81hhs9Lk20asBqpW', 'https://api.example.com/webhooks/meta/…'],
  ['https://api.example.com/api/webhooks/whatsapp?token=secret', 'https://api.example.com/api/webhooks/whatsapp'],
  ['https://user:secret@crm.example/hook', 'https://crm.example/hook'],
  ['no address', null],
  [null, null],
])('shows of the address %s what is no secret', (address, shown) => expect(shownAddress(address)).toBe(shown));
