export type JsonObject = Readonly<Record<string, unknown>>;

/** How deep a body may be nested, and how many values it may hold: parsing more would hold up other requests. */
const mostNested = 100;
const mostValues = 200_000;

/** The value that a text is as JSON; undefined for no JSON, and for more than is read. Linear time. */
export function parseJson(text: string): unknown {
  if (!isReadable(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The object that a text is as JSON; null for no JSON, for another value, and for more than is read. Linear time. */
export const parseObject = (text: string): JsonObject | null => asObject(parseJson(text));

export const asObject = (value: unknown): JsonObject | null =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : null;

/** A value as a list: what a provider sends as one item or as several. */
export const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

const [quote, backslash, comma] = ['"', '\\', ','].map((sign) => sign.charCodeAt(0));
const opening = new Set(['{', '['].map((sign) => sign.charCodeAt(0)));
const closing = new Set(['}', ']'].map((sign) => sign.charCodeAt(0)));

function isReadable(text: string): boolean {
  let depth = 0;
  let values = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (inText) {
      if (sign === backslash) at += 1;
      else if (sign === quote) inText = false;
    } else if (sign === quote) inText = true;
    else if (opening.has(sign)) {
      depth += 1;
      values += 1;
    } else if (closing.has(sign)) depth -= 1;
    else if (sign === comma) values += 1;
    if (depth > mostNested || values > mostValues) return false;
  }
  return true;
}
