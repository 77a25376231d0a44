import type { ReturnOutcome } from '../../domain/addresses.ts';

const words: Record<ReturnOutcome, { title: string; text: string }> = {
  success: { title: 'Thank you', text: 'Your login is being connected. You can close this page.' },
  failure: { title: 'Not connected', text: 'The login was not finished. You can close this page and start again.' },
};

/** The page for owners whose application gave no return address. No script, no outside resource. */
export const page = (outcome: ReturnOutcome): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${words[outcome].title}</title>
  </head>
  <body>
    <main>
      <h1>${words[outcome].title}</h1>
      <p>${words[outcome].text}</p>
    </main>
  </body>
</html>
`;
