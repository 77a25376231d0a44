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

/** The page for owners whose application gave no return address. No script, no outside resource. */
export const page = (kind: PageKind): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${words[kind].title}</title>
  </head>
  <body>
    <main>
      <h1>${words[kind].title}</h1>
      <p>${words[kind].text}</p>
      ${words[kind].form ?? ''}
    </main>
  </body>
</html>
`;
