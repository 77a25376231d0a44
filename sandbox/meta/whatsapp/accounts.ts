import { APP_ID } from '../apps.ts';
import type { State } from '../state.ts';
import type { PhoneNumber, Template, Waba } from '../types.ts';

/** What the sandbox has from its start: one business account with two numbers, and a token of a system user. */
export const WHATSAPP = {
  accessToken: 'EAAsandboxwhatsapp',
  businessAccountId: '301000000000001',
  phoneNumberId: '201000000000001',
} as const;

const NUMBERS = [
  { id: WHATSAPP.phoneNumberId, phone: '27110000001', name: 'Karoo Coffee' },
  { id: '201000000000002', phone: '27110000002', name: 'Karoo Coffee Orders' },
];

export function addWhatsapp(state: State): void {
  const { wabas, tokens } = state.world;
  const waba: Waba = {
    id: WHATSAPP.businessAccountId,
    name: 'Karoo Coffee',
    numberIds: [],
    subscribedApps: new Map(),
    templates: TEMPLATES.map((one, n) => ({ ...one, id: String(500_000_000_000_001 + n) })),
  };
  wabas.set(waba.id, waba);
  for (const { id, phone, name } of NUMBERS) addNumber(state, waba, id, phone, name, 'CONNECTED');
  tokens.set(WHATSAPP.accessToken, {
    value: WHATSAPP.accessToken,
    kind: 'system_user',
    appId: APP_ID,
    userId: '122000000000000001',
    assetId: waba.id,
    scopes: new Set(['whatsapp_business_management', 'whatsapp_business_messaging']),
    pageIds: [],
    issuedAt: state.shared.clock.now(),
    expiresAt: 0,
    longLived: true,
    endedBy: null,
  });
}

export function addNumber(
  state: State,
  waba: Waba,
  id: string,
  phone: string,
  name: string,
  status: string,
): PhoneNumber {
  const number: PhoneNumber = {
    id,
    channel: 'whatsapp',
    name,
    phone,
    wabaId: waba.id,
    status,
    quality: 'GREEN',
    override: null,
    profile: { about: 'Coffee since 1998', vertical: 'RETAIL' },
    threads: new Map(),
  };
  waba.numberIds.push(id);
  state.world.numbers.set(id, number);
  return number;
}

type Seed = Omit<Template, 'id'>;

const TEMPLATES: Seed[] = [
  {
    name: 'hello_world',
    language: 'en_US',
    status: 'APPROVED',
    category: 'UTILITY',
    parameter_format: 'POSITIONAL',
    components: [
      { type: 'HEADER', format: 'TEXT', text: 'Hello World' },
      {
        type: 'BODY',
        text: 'Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification.',
      },
      { type: 'FOOTER', text: 'WhatsApp Business Platform sample message' },
    ],
  },
  {
    name: 'order_update',
    language: 'en',
    status: 'APPROVED',
    category: 'UTILITY',
    parameter_format: 'POSITIONAL',
    components: [
      { type: 'BODY', text: 'Hi {{1}}, your order {{2}} is on its way.' },
      {
        type: 'BUTTONS',
        buttons: [
          { type: 'QUICK_REPLY', text: 'Thanks' },
          { type: 'URL', text: 'Track', url: 'https://orders.example/{{1}}' },
        ],
      },
    ],
  },
  {
    name: 'order_update',
    language: 'de',
    status: 'APPROVED',
    category: 'UTILITY',
    parameter_format: 'POSITIONAL',
    components: [{ type: 'BODY', text: 'Hallo {{1}}, Ihre Bestellung {{2}} ist unterwegs.' }],
  },
  {
    name: 'appointment',
    language: 'en',
    status: 'APPROVED',
    category: 'UTILITY',
    parameter_format: 'NAMED',
    components: [{ type: 'BODY', text: 'Hi {{first_name}}, see you on {{day}}.' }],
  },
  {
    name: 'new_menu',
    language: 'en',
    status: 'APPROVED',
    category: 'MARKETING',
    parameter_format: 'POSITIONAL',
    components: [
      { type: 'HEADER', format: 'IMAGE' },
      { type: 'BODY', text: 'Our new menu is here.' },
    ],
  },
  {
    name: 'old_offer',
    language: 'en',
    status: 'PAUSED',
    category: 'MARKETING',
    parameter_format: 'POSITIONAL',
    components: [{ type: 'BODY', text: 'One coffee for two.' }],
  },
];
