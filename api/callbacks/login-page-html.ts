/** How a page greets: after a login, without one, and after the owner ended it. */
export type PageKind = 'success' | 'failure' | 'left';

const words: Record<PageKind, { title: string; text: string; form?: string }> = {
  success: { title: 'Thank you', text: 'Your login is being connected. You can close this page.' },
  failure: {
    title: 'Not connected',
    text: 'The login was not finished. You can close this page and start again, or end the login now.',
    form: '<form method="post"><button>End this login</button></form>',
  },
  left: { title: 'Not connected', text: 'The login is ended. You can close this page.' },
};

/** The pages' own form may be sent; nothing else is loaded or run. */
export const pagePolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-forms";

/** The page for owners whose application gave no return address. */
export const page = (kind: PageKind): string => {
  const { title, text, form } = words[kind];
  return textPage(title, [text], form);
};

/** A page of paragraphs. No script, no outside resource; `title` and `texts` may come from anywhere, `more` is HTML. */
export const textPage = (title: string, texts: readonly string[], more = ''): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${escaped(title)}</title>
  </head>
  <body>
    <main>
      <h1>${escaped(title)}</h1>
      ${texts.map((text) => `<p>${escaped(text)}</p>`).join('\n      ')}
      ${more}
    </main>
  </body>
</html>
`;

/** A link to another address. */
export const link = (url: string, text: string): string => `<p><a href="${escaped(url)}">${escaped(text)}</a></p>`;

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => entities[one] ?? one);
