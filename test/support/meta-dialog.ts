import { visitor, type Page } from './hosted-page.ts';

interface Input {
  name: string;
  value: string;
  type: string;
  /** Of a checkbox. */
  checked: boolean;
}

interface Form {
  inputs: Input[];
  button: { name: string; value: string };
}

/** What the person does otherwise than to press the first button on each page. */
export interface DialogAnswers {
  cancel?: boolean;
  /** Keeps ticks, or sets them, by field and value; undefined leaves a box as it is. */
  tick?(field: string, value: string): boolean | undefined;
}

/**
 * Goes through a login dialog as a browser without script: fills in the user name, sends each page's form as it stands.
 * Answers the address on another site to which it leads, or the page on which it ends.
 */
export async function walkDialog(address: string, userName: string, answers: DialogAnswers = {}): Promise<Page> {
  const browser = visitor();
  let page = await browser.open(address);
  for (let step = 0; step < 4 && page.html !== ''; step++) {
    const forms = formsOf(page.html);
    const form = answers.cancel ? forms.at(-1) : forms[0];
    if (!form || (step > 0 && /role="alert"/.test(page.html))) return page;
    page = await browser.send(page.url, fieldsOf(form, userName, answers));
  }
  return page;
}

function fieldsOf({ inputs, button }: Form, userName: string, { tick }: DialogAnswers): [string, string][] {
  const fields = inputs
    .filter((one) => one.type !== 'checkbox' || (tick?.(one.name, one.value) ?? one.checked))
    .map((one): [string, string] => [one.name, one.name === 'username' && one.value === '' ? userName : one.value]);
  return [...fields, [button.name, button.value]];
}

export function formsOf(html: string): Form[] {
  return [...html.matchAll(/<form[^>]*>([\s\S]*?)<\/form>/g)].map(([, content = '']) => {
    const inputs = [...content.matchAll(/<input([^>]*)>/g)]
      .map(([, tag = '']) => ({ tag, disabled: / disabled/.test(tag) }))
      .filter(({ disabled }) => !disabled)
      .map(({ tag }) => ({
        name: attribute(tag, 'name'),
        value: attribute(tag, 'value'),
        type: attribute(tag, 'type') || 'text',
        checked: / checked/.test(tag),
      }));
    const button = /<button([^>]*)>/.exec(content)?.[1] ?? '';
    return { inputs, button: { name: attribute(button, 'name'), value: attribute(button, 'value') } };
  });
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const attribute = (tag: string, name: string): string =>
  (new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '').replaceAll(
    /&[^;]+;/g,
    (entity) => ENTITIES[entity] ?? entity,
  );
