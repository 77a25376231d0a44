/** A value that must not be found. */
export interface Canary {
  name: string;
  value: string;
}

/** Bytes to search. */
export interface Place {
  name: string;
  bytes: Buffer;
}

/**
 * A value's forms in bytes: plain, in JSON (once and twice), in a URL or a form, in hex, in base64 at each of the three
 * offsets, in lower or upper case.
 */
export function formsOf(value: string): string[] {
  // The part that no escaping changes matches under any quoting, even twice.
  const core = /[a-z0-9]{12,}/i.exec(value)?.[0];
  return [...new Set([value, ...(core ? [core] : [])].flatMap(writings))];
}

function writings(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const url = encodeURIComponent(value);
  const plain = [value, json, JSON.stringify(json).slice(1, -1), url, url.replaceAll('%20', '+'), unicode(value)];
  const base64 = [0, 1, 2].flatMap((before) => {
    // Only the digits that no neighbour can change.
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
    const digits = whole.toString('base64').replace(/=+$/, '');
    const sure = digits.slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
    return [sure, sure.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const hex = Buffer.from(value).toString('hex');
  return [...plain, ...plain.flatMap((one) => [one.toLowerCase(), one.toUpperCase()]), ...base64, hex];
}

/** PostgreSQL and other JSON writers may escape non-ASCII characters so. */
const unicode = (value: string): string =>
  value.replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** As `name in place: …context…`. */
export function findAll(places: readonly Place[], canaries: readonly Canary[]): string[] {
  const found: string[] = [];
  for (const { name, value } of canaries) {
    if (value.length < 6) throw new Error(`${name} is too short to be distinguished from chance: ${value}`);
    const forms = formsOf(value);
    for (const place of places) {
      const at = forms.map((form) => place.bytes.indexOf(form)).find((index) => index >= 0);
      if (at === undefined) continue;
      const around = place.bytes.subarray(Math.max(at - 120, 0), at + 120).toString('latin1');
      found.push(`${name} in ${place.name}: ${around.replace(/[^\x20-\x7e]+/g, ' ')}`);
    }
  }
  return found;
}
