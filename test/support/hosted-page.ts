import { createBrowser } from '../../dev/parts/browser.ts';

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
  const browser = createBrowser();
  const go = async (url: string, form?: [string, string][]): Promise<Page> => {
    const { origin } = new URL(url);
    const isElsewhere = (to: string): boolean => new URL(to).origin !== origin;
    const { status, url: at, html } = await browser.open(url, { stop: isElsewhere, ...(form && { form }) });
    return { status, url: at, html: isElsewhere(at) ? '' : html };
  };
  return {
    open: (url) => go(url),
    send: (url, fields) => go(url, Array.isArray(fields) ? fields : Object.entries(fields)),
  };
};

/** The page's hidden form field, and the id of the account whose phone it waits for. */
export const hidden = ({ html }: Page): string => /name="at" value="([^"]*)"/.exec(html)?.[1] ?? '';
export const accountOn = ({ html }: Page): string => /data-account-id="([^"]*)"/.exec(html)?.[1] ?? '';
