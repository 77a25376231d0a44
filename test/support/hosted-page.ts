/** As a browser shows it. */
export interface Page {
  status: number;
  /** The page's address, or the address on another site to which it redirected. */
  url: string;
  html: string;
}

/** Without script. It stays on its first site and does not follow a redirect to another site. */
export interface PageVisitor {
  open(url: string): Promise<Page>;
  send(url: string, fields: Record<string, string> | [string, string][]): Promise<Page>;
}

export const visitor = (): PageVisitor => {
  const go = async (url: string, init: RequestInit): Promise<Page> => {
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { accept: 'text/html' } });
    const to = response.headers.get('location');
    if (to === null) return { status: response.status, url, html: await response.text() };
    const next = new URL(to, url);
    if (next.origin !== new URL(url).origin) return { status: response.status, url: next.href, html: '' };
    return go(next.href, {});
  };
  return {
    open: (url) => go(url, {}),
    send: (url, fields) => go(url, { method: 'POST', body: new URLSearchParams(fields) }),
  };
};

/** The page's hidden form field, and the id of the account whose phone it waits for. */
export const hidden = ({ html }: Page): string => /name="at" value="([^"]*)"/.exec(html)?.[1] ?? '';
export const accountOn = ({ html }: Page): string => /data-account-id="([^"]*)"/.exec(html)?.[1] ?? '';
