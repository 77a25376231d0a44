const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);

/** Without script. `refresh`: reloads every second. */
export function htmlPage(title: string, body: string, refresh = false): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    ${refresh ? '<meta http-equiv="refresh" content="1" />' : ''}
    <title>${escapeHtml(title)}</title>
    <style>
      body { font: 16px/1.5 sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
      label, button { display: block; margin: 0.75rem 0 } input, select { font: inherit }
      input:not([type='checkbox']), select { width: 100% }
      .problem { color: #a00 } svg { width: 100% }
    </style>
  </head>
  <body>
    <main>
      <h1>${escapeHtml(title)}</h1>
      ${body}
    </main>
  </body>
</html>
`;
}

export const alertText = (problem: string | null): string =>
  problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : '';

/** Of pages: nothing is loaded, kept, or shown within another page. */
export const PAGE_HEADERS = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
};
