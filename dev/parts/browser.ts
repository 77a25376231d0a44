/** An answer as a browser without script has it. */
export interface Shown {
  status: number;
  /** The address that answered, or to which the answer leads. */
  url: string;
  html: string;
  headers: Headers;
}

/** Keeps cookies by host, as browsers do whatever the port is. */
export interface Browser {
  /** Opens an address, or sends a form to it, and follows redirects as far as `stop` lets it; that address is not opened. */
  open(url: string, more?: { form?: [string, string][]; stop?: (url: string) => boolean }): Promise<Shown>;
}

export function createBrowser(): Browser {
  const jar = new Map<string, Map<string, string>>();
  const cookiesOf = (host: string): Map<string, string> => {
    const known = jar.get(host) ?? new Map<string, string>();
    jar.set(host, known);
    return known;
  };
  const keep = (host: string, line: string): void => {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', ...value] = pair.split('=');
    const ends = attributes.find((one) => /^expires=/i.test(one))?.slice('expires='.length);
    if (ends !== undefined && Date.parse(ends) <= Date.now()) cookiesOf(host).delete(name);
    else cookiesOf(host).set(name, value.join('='));
  };
  const browser: Browser = {
    open: async (url, { form, stop } = {}) => {
      const { hostname } = new URL(url);
      const cookie = [...cookiesOf(hostname)].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, {
        ...(form && { method: 'POST', body: new URLSearchParams(form) }),
        redirect: 'manual',
        headers: { accept: 'text/html', ...(cookie && { cookie }) },
      });
      for (const line of response.headers.getSetCookie()) keep(hostname, line);
      const { status, headers } = response;
      const html = await response.text();
      const to = headers.get('location');
      if (to === null) return { status, url, html, headers };
      const next = new URL(to, url).href;
      return stop?.(next) ? { status, url: next, html, headers } : browser.open(next, { ...(stop && { stop }) });
    },
  };
  return browser;
}
