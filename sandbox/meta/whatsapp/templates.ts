import { invalidParameter, MetaError } from '../errors.ts';
import { asText, isObject } from '../graph/params.ts';
import type { Template, TemplateComponent, Waba } from '../types.ts';

type Given = Record<string, unknown>;

/** A template message as it was sent, checked against the template. Returns the text that the person sees. Throws 132xxx. */
export function renderTemplate(waba: Waba, sent: Given): string {
  const name = asText(sent['name']);
  const language = isObject(sent['language']) ? asText(sent['language']['code']) : '';
  if (name === '' || language === '')
    throw invalidParameter('The parameter template[name] and template[language][code] are required.');
  const template = waba.templates.find((one) => one.name === name && one.language === language);
  if (!template) {
    throw problem(
      132_001,
      'Template name does not exist in the translation',
      `template name (${name}) does not exist in ${language}`,
    );
  }
  if (template.status === 'PAUSED') throw problem(132_015, 'Template is paused', `template name (${name}) is paused`);
  if (template.status === 'DISABLED')
    throw problem(132_016, 'Template is disabled', `template name (${name}) is disabled`);
  if (template.status !== 'APPROVED') {
    throw problem(
      132_001,
      'Template name does not exist in the translation',
      `template name (${name}) is not approved`,
    );
  }
  const components = Array.isArray(sent['components']) ? sent['components'].filter(isObject) : [];
  return template.components
    .map((one) => renderComponent(template, one, components))
    .filter(Boolean)
    .join('\n');
}

function renderComponent(template: Template, one: TemplateComponent, given: readonly Given[]): string {
  const ofType = given.filter((part) => asText(part['type']).toUpperCase() === one.type);
  if (one.type === 'BUTTONS') {
    checkButtons(template, one, given);
    return '';
  }
  const parameters = ofType.flatMap(parametersOf);
  if (one.format !== undefined && one.format !== 'TEXT') {
    checkHeaderFile(template, one.format.toLowerCase(), parameters);
    return '';
  }
  return fillIn(template, one.text ?? '', parameters, `${one.type.toLowerCase()}`);
}

const parametersOf = (part: Given): Given[] =>
  Array.isArray(part['parameters']) ? part['parameters'].filter(isObject) : [];

/** As many parameters as places, each a text; named ones by their names. */
function fillIn(template: Template, text: string, parameters: readonly Given[], where: string): string {
  const places = [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, place]) => place!);
  if (parameters.length !== places.length) {
    throw problem(
      132_000,
      'Number of parameters does not match the expected number of params',
      `${where}: number of localizable_params (${parameters.length}) does not match the expected number of params (${places.length})`,
    );
  }
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_all, place: string) => {
    const isNamed = template.parameter_format === 'NAMED';
    const value = isNamed
      ? parameters.find((one) => one['parameter_name'] === place)
      : parameters[places.indexOf(place)];
    const shown = value && textOf(value);
    if (shown === undefined)
      throw problem(132_012, 'Parameter format does not match format in the created template', `${where}: ${place}`);
    if (/\n|\t| {5}/.test(shown)) {
      throw problem(
        132_018,
        'There is an issue with the parameters in your template',
        `${where}: new lines, tabs and more than 4 spaces are not allowed`,
      );
    }
    return shown;
  });
}

/** Undefined for a parameter that is no text. */
function textOf(value: Given): string | undefined {
  if (value['type'] === 'text')
    return typeof value['text'] === 'string' && value['text'] !== '' ? value['text'] : undefined;
  const money = value['currency'] ?? value['date_time'];
  return isObject(money) && typeof money['fallback_value'] === 'string' ? money['fallback_value'] : undefined;
}

function checkHeaderFile(template: Template, kind: string, parameters: readonly Given[]): void {
  const [only] = parameters;
  const file = only?.[kind];
  if (parameters.length === 1 && only?.['type'] === kind && isObject(file) && ('link' in file || 'id' in file)) return;
  throw problem(
    132_012,
    'Parameter format does not match format in the created template',
    `header of ${template.name}: expected ${kind.toUpperCase()}`,
  );
}

/** A button whose address ends in a place needs its parameter. */
function checkButtons(template: Template, { buttons = [] }: TemplateComponent, given: readonly Given[]): void {
  const parts = given.filter((part) => asText(part['type']).toLowerCase() === 'button');
  for (const [index, button] of buttons.entries()) {
    if (button.type !== 'URL' || !button.url?.includes('{{')) continue;
    const part = parts.find(
      (one) => asText(one['index']) === String(index) && asText(one['sub_type']).toLowerCase() === 'url',
    );
    if (part && parametersOf(part).length === 1) continue;
    throw problem(
      131_008,
      'Required parameter is missing',
      `buttons: Button at index ${index} of type Url requires a parameter (${template.name})`,
    );
  }
}

const problem = (code: number, title: string, details: string): MetaError =>
  new MetaError(code, `(#${code}) ${title}`, { details });
