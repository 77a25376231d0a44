/** Hosts of Meta that hold files; also those below them. */
export const mediaHosts = ['fbsbx.com', 'fbcdn.net', 'cdninstagram.com', 'whatsapp.net'] as const;

/** Whether an address is of a file at Meta, not of a page. */
export function isMetaMedia(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return mediaHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}
