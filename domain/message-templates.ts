import type { AttachmentKind } from './message-capabilities.ts';
import type { TemplateParameter, TemplateUse } from './send-options.ts';

/** A part of a template with its text, in which `{{1}}` or `{{name}}` stands for a parameter. */
interface TemplateText {
  text: string;
}

/** A template as the provider has it. */
export interface TemplateOutline {
  name: string;
  language: string;
  /** False: the provider does not send it now. `status` is its own word. */
  isApproved: boolean;
  status: string;
  header: TemplateText | { file: AttachmentKind } | null;
  body: TemplateText;
  /** In their order; `takes` is the text of a button's parameter, or null where it takes none. */
  buttons: readonly { label: string; takes: TemplateText | null }[];
}

const placeholder = /\{\{\s*([\w.-]{1,100})\s*\}\}/g;

/** The names of a text's parameters, each once, in order: `1`, `2`, or words. */
const parametersOf = ({ text }: TemplateText): string[] => [
  ...new Set([...text.matchAll(placeholder)].map(([, name = '']) => name)),
];

/** What is wrong with a filled-in template, as one sentence that begins with its field; null where it can be sent. Pure. */
export function whyTemplateRefused(
  outline: TemplateOutline | null,
  use: TemplateUse,
  files: readonly AttachmentKind[],
): string | null {
  if (!outline) return `template: there is no template ${use.name} in the language ${use.language}.`;
  if (!outline.isApproved) return `template: ${use.name} is ${outline.status}, so that it cannot be sent.`;
  const { header, body, buttons } = outline;
  const isFile = header !== null && 'file' in header;
  const wanted = isFile ? header.file : null;
  if (files.length > (wanted ? 1 : 0) || (wanted && files[0] !== wanted))
    return `attachments: ${use.name} takes ${wanted ? `one attachment of the kind ${wanted}` : 'none'}.`;
  return (
    whyParametersRefused('header', header === null || isFile ? { text: '' } : header, use.header) ??
    whyParametersRefused('body', body, use.body) ??
    whyButtonsRefused(buttons, use.buttons)
  );
}

function whyParametersRefused(part: string, of: TemplateText, given: readonly TemplateParameter[]): string | null {
  const wanted = parametersOf(of);
  if (given.length !== wanted.length)
    return `template.${part}: takes ${wanted.length} parameter${wanted.length === 1 ? '' : 's'}, not ${given.length}.`;
  if (given.some(({ text }) => text.trim() === '')) return `template.${part}: a parameter is empty.`;
  const isNamed = wanted.some((name) => !/^\d+$/.test(name));
  const missing = isNamed ? wanted.find((name) => !given.some((one) => one.name === name)) : undefined;
  return missing === undefined ? null : `template.${part}: the parameter ${missing} is missing.`;
}

function whyButtonsRefused(buttons: TemplateOutline['buttons'], given: TemplateUse['buttons']): string | null {
  const odd = given.find(({ index }) => !buttons[index]?.takes);
  if (odd) return `template.buttons: button ${odd.index} takes no parameter.`;
  if (new Set(given.map(({ index }) => index)).size < given.length) return 'template.buttons: a button is named twice.';
  const missing = buttons.findIndex(
    ({ takes }, index) => takes && parametersOf(takes).length > 0 && !given.some((one) => one.index === index),
  );
  return missing === -1 ? null : `template.buttons: the parameter of button ${missing} is missing.`;
}

/** The text that the recipient sees: header and body with their parameters. */
export function templateText({ header, body }: TemplateOutline, use: TemplateUse): string {
  const parts = [...(header && 'text' in header ? [filled(header, use.header)] : []), filled(body, use.body)];
  return parts.filter((one) => one !== '').join('\n\n');
}

const filled = (of: TemplateText, given: readonly TemplateParameter[]): string => {
  const names = parametersOf(of);
  return of.text.replace(placeholder, (whole, name: string) => {
    const byName = given.find((one) => one.name === name);
    return (byName ?? given[names.indexOf(name)])?.text ?? whole;
  });
};
