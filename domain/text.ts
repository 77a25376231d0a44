/** Sorting a run of marks takes the square of its length. Unicode's stream-safe format ends a run at 30 (UAX 15, D4). */
const longRun = /\p{M}{31}/u;

/**
 * One spelling of each letter: `é` as one sign or as two is one text, in what is stored and in what is looked for. A text
 * with more than 30 marks on one letter stays as it is. Linear time.
 */
export const canonicalText = (text: string): string => (longRun.test(text) ? text : text.normalize('NFC'));

/** A sign that shows something: not blank, no mark of direction, no filler. */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{Cc}\u2800]/u;
/** Of those that show nothing, the signs that no visible one needs beside it. */
const trimmed = /[\p{Z}\p{Cc}\u00ad\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u2069\u2800\u3164\ufeff\uffa0]/u;

/** A text without NUL and halves of surrogate pairs, which PostgreSQL does not take. */
export const storableText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/**
 * A text as it is stored: in its canonical spelling, storable, without what shows nothing around it. Null where
 * nothing would show.
 */
export function cleanText(text: string | null): string | null {
  if (text === null) return null;
  const whole = canonicalText(storableText(text));
  if (!visible.test(whole)) return null;
  let [start, end] = [0, whole.length];
  while (trimmed.test(whole.charAt(start))) start += 1;
  while (trimmed.test(whole.charAt(end - 1))) end -= 1;
  return whole.slice(start, end);
}

/** A PostgreSQL regular expression for both cases of a text: the database's own folding may know ASCII only. */
export const anyCasePattern = (text: string): string =>
  Array.from(canonicalText(text), (char) => {
    const forms = [...new Set([char, char.toLowerCase(), char.toUpperCase()])];
    if (forms.length > 1) return `(?:${forms.join('|')})`;
    return char.replace(/[\\^$.|?*+()[\]{}]/, String.raw`\$&`);
  }).join('');
