import { asObject, parseObject } from '../json-object.ts';

const blotted = '[session key]';
/** What is kept of a body that names a key where its structure cannot be read. */
const notKept = '[not kept: it names a session key, and is neither JSON nor a form]';
/** A session's number is shorter than a key. */
const shortestKey = 12;
/** Different keys whose text is looked for elsewhere in a body; a real one holds one. */
const mostKeys = 20;
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
  const keys = new Set<string>();
  if (!collect(body, keys, 0)) return body;
  const blot = (text: string): string => {
    let kept = text;
    for (const key of keys) kept = kept.replaceAll(key, blotted);
    return kept;
  };
  return keys.size > mostKeys ? notKept : clean(body, blot, 0);
}

/** Collects the keys under a text's fields, and answers whether it has such fields. */
function collect(text: string, keys: Set<string>, layer: number): boolean {
  const parsed = structureOf(text, layer);
  if (!parsed) return isOpaque(text, layer);
  let found = false;
  const left: [value: unknown, isKey: boolean][] = [[parsed.value, false]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [value, isKey] = next;
    if (typeof value === 'string') {
      if (isKey && value.length >= shortestKey && keys.size <= mostKeys) keys.add(value);
      else if (!isKey && namesKey(value) && collect(value, keys, layer + 1)) found = true;
    } else if (Array.isArray(value)) for (const one of value) left.push([one, isKey]);
    else
      for (const [name, one] of Object.entries(asObject(value) ?? {})) {
        const named = isKey || isKeyName(name);
        found ||= named;
        left.push([one, named]);
      }
  }
  return found;
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
  if (!/^[\w.[\]%+-]{1,200}=/.test(text)) return null;
  const value = Object.fromEntries(new URLSearchParams(text));
  return { value, write: (fields) => new URLSearchParams(fields as Record<string, string>).toString() };
}

/** Whether a text without fields may hold a key all the same; what people write inside of a body holds none. */
const isOpaque = (text: string, layer: number): boolean => (layer === 0 || layer === mostLayers) && namesKey(text);

/** Whether a text may name a field for keys, however it is escaped. */
function namesKey(text: string): boolean {
  if (text.length < shortestName) return false;
  const plain = /[\\%]/.test(text)
    ? text.replaceAll(/(?:\\u00|%)([0-7][0-9a-f])/gi, (_all, code: string) => String.fromCharCode(parseInt(code, 16)))
    : text;
  return /session[\\_-]{0,3}id|api[\\_-]{0,3}key/i.test(plain);
}
