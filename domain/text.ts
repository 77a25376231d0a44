/** A provider's text as it can be stored: PostgreSQL takes neither NUL nor half of a surrogate pair. Null where nothing is left. */
export const cleanText = (text: string | null): string | null =>
  text && (text.replaceAll('\0', '').toWellFormed().trim() || null);

/**
 * A regular expression of PostgreSQL for a text in upper and lower case. The database's own folding depends on its
 * locale, which may know ASCII only.
 */
export const anyCasePattern = (text: string): string =>
  Array.from(text, (char) => {
    const forms = [...new Set([char, char.toLowerCase(), char.toUpperCase()])];
    if (forms.length > 1) return `(?:${forms.join('|')})`;
    return char.replace(/[\\^$.|?*+()[\]{}]/, String.raw`\$&`);
  }).join('');
