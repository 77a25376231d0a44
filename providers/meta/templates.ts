import type { AttachmentKind } from '../../domain/message-capabilities.ts';
import type { TemplateOutline } from '../../domain/message-templates.ts';
import type { TemplateParameter, TemplateUse } from '../../domain/send-options.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import type { ProviderCall } from '../provider.ts';
import { refused } from '../shared/outgoing.ts';
import { nameIn, textIn } from '../shared/told-values.ts';
import { everyItem } from './client.ts';
import { businessOf, segment } from './ids.ts';
import { withKeys } from './whatsapp-keys.ts';

/** GET /{business account}/message_templates. A name may have many languages. */
export async function findTemplate(given: ProviderCall, name: string, language: string): Promise<JsonObject | null> {
  const call = withKeys(given);
  const query = { name, fields: 'name,language,status,category,parameter_format,components', limit: '100' };
  for await (const one of everyItem(call, `/${segment(businessOf(call))}/message_templates`, { query }))
    if (one['name'] === name && one['language'] === language) return one;
  return null;
}

export async function template(call: ProviderCall, name: string, language: string): Promise<TemplateOutline | null> {
  const found = await findTemplate(call, name, language);
  return found && outlineOf(found, name, language);
}

const fileHeaders: Readonly<Record<string, AttachmentKind>> = {
  IMAGE: 'image',
  VIDEO: 'video',
  DOCUMENT: 'document',
};

/** A template as Meta describes it. */
function outlineOf(of: JsonObject, name: string, language: string): TemplateOutline {
  const status = textIn(of['status']) ?? 'UNKNOWN';
  const parts = asList(of['components']).map(asObject);
  const part = (type: string): JsonObject | null =>
    parts.find((one) => textIn(one?.['type'])?.toUpperCase() === type) ?? null;
  const header = part('HEADER');
  const file = fileHeaders[textIn(header?.['format'])?.toUpperCase() ?? ''];
  const buttons = asList(part('BUTTONS')?.['buttons']).map(asObject);
  return {
    name,
    language,
    isApproved: status === 'APPROVED',
    status: nameIn(status)?.toLowerCase() ?? 'unknown',
    header: header && (file ? { file } : { text: textIn(header['text']) ?? '' }),
    body: { text: textIn(part('BODY')?.['text']) ?? '' },
    buttons: buttons.map((one) => ({ label: nameIn(one?.['text']) ?? '', takes: takenBy(one) })),
  };
}

/** A link may end in a place, a code is copied, and a quick reply may have a payload. */
function takenBy(button: JsonObject | null): { text: string } | null {
  const type = typeOf(button);
  if (type === 'URL') {
    const url = textIn(button?.['url']) ?? '';
    return url.includes('{{') ? { text: url } : null;
  }
  if (type === 'COPY_CODE') return { text: '{{1}}' };
  return type === 'QUICK_REPLY' ? { text: '' } : null;
}

const typeOf = (button: JsonObject | null): string => textIn(button?.['type'])?.toUpperCase() ?? '';

/** A filled-in template as it is sent; `file` is of its header. `found` is needed where buttons have parameters. */
export function templateFields(use: TemplateUse, file: JsonObject | null, found: JsonObject | null): JsonObject {
  const header = file ? [file] : use.header.map(parameterOf);
  const components = [
    ...(header.length ? [{ type: 'header', parameters: header }] : []),
    ...(use.body.length ? [{ type: 'body', parameters: use.body.map(parameterOf) }] : []),
    ...use.buttons.map((one) => buttonOf(one, found)),
  ];
  return { name: use.name, language: { code: use.language }, ...(components.length && { components }) };
}

const parameterOf = ({ name, text }: TemplateParameter): JsonObject => ({
  type: 'text',
  ...(name !== undefined && !/^\d+$/.test(name) && { parameter_name: name }),
  text,
});

const buttonParameters: Readonly<Record<string, (text: string) => JsonObject>> = {
  URL: (text) => ({ type: 'text', text }),
  QUICK_REPLY: (payload) => ({ type: 'payload', payload }),
  COPY_CODE: (code) => ({ type: 'coupon_code', coupon_code: code }),
};

function buttonOf({ index, text }: TemplateUse['buttons'][number], found: JsonObject | null): JsonObject {
  const part = asList(found?.['components'])
    .map(asObject)
    .find((one) => textIn(one?.['type'])?.toUpperCase() === 'BUTTONS');
  const type = typeOf(asObject(asList(part?.['buttons'])[index]));
  const parameter = Object.hasOwn(buttonParameters, type) ? buttonParameters[type]?.(text) : undefined;
  if (!parameter) throw refused(`Button ${index} of the template takes no parameter.`);
  return { type: 'button', sub_type: type.toLowerCase(), index: String(index), parameters: [parameter] };
}
