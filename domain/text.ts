/** Text without NUL and half surrogate pairs, which PostgreSQL refuses. Null where nothing is left. */
export const cleanText = (text: string | null): string | null =>
  text && (text.replaceAll('\0', '').toWellFormed().trim() || null);

/** A PostgreSQL regular expression for both cases of a text: the database's own folding may know ASCII only. */
export const anyCasePattern = (text: string): string =>
  Array.from(text, (char) => {
    const forms = [...new Set([char, char.toLowerCase(), char.toUpperCase()])];
    if (forms.length > 1) return `(?:${forms.join('|')})`;
    return char.replace(/[\\^$.|?*+()[\]{}]/, String.raw`\$&`);
  }).join('');
