/** From this length on a part of a path may be a secret that makes an address unguessable. */
const tokenFrom = 16;

/** An address as it may be shown: without its query, and without parts that may be secret. Null for none. */
export function shownAddress(address: string | null): string | null {
  if (address === null || !URL.canParse(address)) return null;
  const { origin, pathname } = new URL(address);
  const parts = pathname.split('/').map((part) => (part.length >= tokenFrom ? '…' : part));
  return `${origin}${parts.join('/')}`;
}
