/** Begins statements that are planned once for a connection. */
export const preparedMark = '/* prepared */';

/** Of one process; each is kept by every connection. Statements beyond it are planned each time. */
const mostNames = 200;

const names = new Map<string, string>();

/** Under which name a statement is prepared; null for one that is planned each time. */
export function preparedName(text: string): string | null {
  if (!text.startsWith(preparedMark)) return null;
  const known = names.get(text);
  if (known !== undefined || names.size >= mostNames) return known ?? null;
  const name = `patchbay_${names.size}`;
  names.set(text, name);
  return name;
}
