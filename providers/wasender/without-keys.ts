import { asObject, parseObject } from '../json-object.ts';

/** What stands in the place of a session's key. */
const blotted = '[session key]';
/** What is kept of a body that names a key where its structure cannot be read. */
const notKept = '[not kept: it names a session key, and is neither JSON nor a form]';
/** A session's number is shorter than a key. */
const shortestKey = 12;
/** Different keys whose text is looked for elsewhere in a body; a real one holds one. */
const mostKeys = 20;
/** Texts inside of a body that may name a key, and fields of a form: WASender sends none of either. */
const mostTexts = 1_000;
const mostFormFields = 1_000;
/** `apikey` */
const shortestName = 6;
/** How deep JSON inside of texts is read. */
const mostLayers = 4;

/** Names of fields, in any case and spelling, under which WASender puts a session's key. */
const isKeyName = (name: string): boolean =>
  name.length <= 40 && /^(sessionid|apikey)$/.test(name.toLowerCase().replaceAll(/[_-]/g, ''));

/**
 * A body without the keys of sessions, wherever else their text stands: of JSON, of forms, and of JSON inside of either.
 * A body without a field for keys stays as it came. Linear time.
 */
export function withoutKeys(body: string): string {
  const found: Found = { keys: new Set(), texts: 0 };
  if (!collect(body, found, 0)) return body;
  const { keys, texts } = found;
  const blot = (text: string): string => {
    let kept = text;
    for (const key of keys) kept = kept.replaceAll(key, blotted);
    return kept;
  };
  return keys.size > mostKeys || texts > mostTexts ? notKept : clean(body, blot, 0);
}

/** The keys in a body, and how many texts inside of it were read. */
interface Found {
  keys: Set<string>;
  texts: number;
}

/** Collects the keys under a text's fields, and answers whether it has such fields. */
function collect(text: string, into: Found, layer: number): boolean {
  const parsed = structureOf(text, layer);
  if (!parsed) return isOpaque(text, layer);
  const { keys } = into;
  let found = false;
  const left: [value: unknown, isKey: boolean][] = [[parsed.value, false]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [value, isKey] = next;
    if (typeof value === 'string') {
      if (isKey) {
        if (value.length >= shortestKey && keys.size <= mostKeys) keys.add(value);
      } else if (into.texts <= mostTexts && namesKey(value)) {
        into.texts += 1;
        if (collect(value, into, layer + 1)) found = true;
      }
    } else if (Array.isArray(value)) for (const one of value) left.push([one, isKey]);
    else
      for (const [name, one] of Object.entries(asObject(value) ?? {})) {
        const named = isKey || isKeyName(name);
        found ||= named;
        left.push([one, named]);
      }
  }
  return found || into.texts > mostTexts;
}

/** Writes a text anew: what a parser passes over, as the first of two fields of one name, is gone then. */
function clean(text: string, blot: (text: string) => string, layer: number): string {
  const parsed = structureOf(text, layer);
  if (!parsed) return isOpaque(text, layer) ? notKept : blot(text);
  const cleaned = (value: unknown, isKey: boolean): unknown => {
    if (typeof value === 'string') {
      if (isKey) return value.length >= shortestKey ? blotted : value;
      return namesKey(value) ? clean(value, blot, layer + 1) : blot(value);
    }
    if (Array.isArray(value)) return value.map((one) => cleaned(one, isKey));
    const object = asObject(value);
    if (!object) return value;
    return Object.fromEntries(
      Object.entries(object).map(([name, one]) => [blot(name), cleaned(one, isKey || isKeyName(name))]),
    );
  };
  return parsed.write(cleaned(parsed.value, false) as Record<string, unknown>);
}

/** A text's fields, as JSON or as a form, and how they are written again; null for neither, and below the last layer. */
function structureOf(
  text: string,
  layer: number,
): { value: object; write(value: Record<string, unknown>): string } | null {
  if (layer === mostLayers) return null;
  const object = parseObject(text);
  if (object) return { value: object, write: JSON.stringify };
  if (!isForm(text) || hasManyFields(text)) return null;
  const value = Object.fromEntries(new URLSearchParams(text));
  return { value, write: (fields) => new URLSearchParams(fields as Record<string, string>).toString() };
}

const isForm = (text: string): boolean => /^[\w.[\]%+-]{1,200}=/.test(text);

function hasManyFields(form: string): boolean {
  let count = 1;
  for (let at = form.indexOf('&'); at >= 0 && count <= mostFormFields; at = form.indexOf('&', at + 1)) count += 1;
  return count > mostFormFields;
}

/** Whether a text without fields may hold a key all the same; what people write inside of a body holds none. */
const isOpaque = (text: string, layer: number): boolean =>
  (layer === 0 || layer === mostLayers || (isForm(text) && hasManyFields(text))) && namesKey(text);

/** Matches a character as it is, or as `%` or `\\u00` escapes it. */
function escapable(character: string): string {
  const codes = [character, character.toUpperCase()].map((one) => one.charCodeAt(0).toString(16));
  return `(?:${character === '\\' ? '\\\\' : character}|(?:%|\\\\u00)(?:${codes.join('|')}))`;
}

const spelled = (word: string): string => word.split('').map(escapable).join('');
const signs = `(?:${['\\', '_', '-'].map(escapable).join('|')}){0,3}`;
// One look for all spellings: decoding a large body first takes many times as long.
const keyName = new RegExp(
  `${spelled('session')}${signs}${spelled('id')}|${spelled('api')}${signs}${spelled('key')}`,
  'i',
);

/** Whether a text may name a field for keys, however it is escaped. */
const namesKey = (text: string): boolean => text.length >= shortestName && keyName.test(text);
