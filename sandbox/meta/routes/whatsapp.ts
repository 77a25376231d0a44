import { numberOf, wabaOf } from '../access.ts';
import { invalidParameter, MetaError } from '../errors.ts';
import { keepMedia } from '../files.ts';
import { graphRoute, requireScope, tokenIn, type Call, type Route } from '../graph/call.ts';
import { defaultFields, parseFields, selectFields } from '../graph/fields.ts';
import { pageOf } from '../graph/paging.ts';
import { newId, type State } from '../state.ts';
import { numberNode } from '../views.ts';
import { overrideIn } from '../webhooks/challenge.ts';
import { addNumber } from '../whatsapp/accounts.ts';

const PROFILE_FIELDS = ['about', 'address', 'description', 'email', 'profile_picture_url', 'websites', 'vertical'];
const MB = 1024 * 1024;
const LARGEST: Record<string, number> = { image: 5, audio: 16, video: 16 };
const LARGEST_DOCUMENT = 100;

/** Numbers, their profile and their media. */
export const whatsappRoutes = (state: State): Route[] => [
  graphRoute('GET /:node/phone_numbers', (call) => {
    const waba = wabaOf(state, call);
    const text = call.params.text('fields');
    return pageOf(state, call, {
      items: waba.numberIds.flatMap((id) => state.world.numbers.get(id) ?? []),
      idOf: ({ id }) => id,
      view: (number) => {
        const { view, defaults, type } = numberNode(number);
        return selectFields(view, text === undefined ? defaultFields(...defaults) : parseFields(text), type);
      },
    });
  }),
  graphRoute('POST /:node/phone_numbers', (call) => {
    const waba = wabaOf(state, call);
    requireScope(tokenIn(call), 'whatsapp_business_management');
    const phone = `${call.params.required('cc')}${call.params.required('phone_number')}`.replaceAll(/\D/g, '');
    const taken = [...state.world.numbers.values()].some((one) => one.phone === phone);
    if (taken) throw invalidParameter('The phone number is already registered', 2388001);
    const name = call.params.text('verified_name') ?? waba.name;
    return { id: addNumber(state, waba, newId(state, '20200'), phone, name, 'PENDING').id };
  }),
  graphRoute('POST /:node/register', (call) => {
    const number = numberOf(state, call);
    if (call.params.text('messaging_product') !== 'whatsapp')
      throw invalidParameter('The parameter messaging_product is required.');
    if (!/^\d{6}$/.test(call.params.required('pin'))) throw invalidParameter('Param pin must be 6 characters long.');
    number.status = 'CONNECTED';
    return { success: true };
  }),
  graphRoute('POST /:node/deregister', (call) => {
    numberOf(state, call).status = 'DISCONNECTED';
    return { success: true };
  }),
  graphRoute('GET /:node/whatsapp_business_profile', (call) => {
    const number = numberOf(state, call);
    const asked = call.params.list('fields');
    const unknown = asked.find((one) => !PROFILE_FIELDS.includes(one));
    if (unknown !== undefined)
      throw invalidParameter(`Tried accessing nonexisting field (${unknown}) on node type (WhatsAppBusinessProfile)`);
    const shown = Object.entries(number.profile).filter(([name]) => asked.length === 0 || asked.includes(name));
    return { data: [{ ...Object.fromEntries(shown), messaging_product: 'whatsapp' }] };
  }),
  graphRoute('POST /:node/whatsapp_business_profile', (call) => {
    const number = numberOf(state, call);
    for (const name of PROFILE_FIELDS) {
      const value = name === 'websites' ? call.params.json(name) : call.params.text(name);
      if (value !== undefined) number.profile[name] = value;
    }
    return { success: true };
  }),
  graphRoute('POST /:node/media', (call) => {
    numberOf(state, call);
    requireScope(tokenIn(call), 'whatsapp_business_messaging');
    if (call.params.text('messaging_product') !== 'whatsapp')
      throw invalidParameter('(#100) The parameter messaging_product is required.');
    const file = call.params.file('file');
    if (!file) throw invalidParameter('The parameter file is required.');
    const type = call.params.text('type');
    const mimetype = type?.includes('/') ? type : file.mimetype;
    const limit = LARGEST[mimetype.split('/')[0] ?? ''] ?? LARGEST_DOCUMENT;
    if (file.bytes.length > limit * MB) {
      throw new MetaError(131_053, '(#131053) Media upload error', { details: `The file is larger than ${limit} MB.` });
    }
    return { id: keepMedia(state, newId(state, '90000'), { bytes: file.bytes, mimetype }, 30).id };
  }),
];

/** Its own address for webhooks; an empty one takes it back. */
export async function saveNumber(state: State, call: Call): Promise<object> {
  const number = numberOf(state, call);
  const configuration = call.params.object('webhook_configuration');
  if (!configuration) throw invalidParameter('The parameter webhook_configuration is required.');
  number.override = await overrideIn(configuration);
  return { success: true };
}
