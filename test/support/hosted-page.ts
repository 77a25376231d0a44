/** What a browser shows of a login page. */
export interface Page {
  status: number;
  /** Where the page is, or where it sent the browser that this test does not follow. */
  url: string;
  html: string;
}

/** A browser without script, which stays on the site it began on: another one's address is only told. */
export interface PageVisitor {
  open(url: string): Promise<Page>;
  send(url: string, fields: Record<string, string>): Promise<Page>;
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

/** What the page hides in its form, and the account whose phone it waits for. */
export const hidden = ({ html }: Page): string => /name="at" value="([^"]*)"/.exec(html)?.[1] ?? '';
export const accountOn = ({ html }: Page): string => /data-account-id="([^"]*)"/.exec(html)?.[1] ?? '';
