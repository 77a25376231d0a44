import { createBrowser } from '../parts/browser.ts';

/** Logs in at the sandbox's Meta by its forms, as a browser without script does. Answers the title of the last page. */
export async function agree(url: string, userName: string): Promise<string> {
  const browser = createBrowser();
  const dialog = await browser.open(url);
  const form: [string, string][] = [
    ['username', userName],
    ['password', 'correct horse'],
    ['action', 'begin'],
  ];
  const { status, html } = await browser.open(dialog.url, { form });
  const title = /<h1>(.*)<\/h1>/.exec(html)?.[1] ?? '';
  if (status !== 200) throw new Error(`the login ended with ${status}: ${title}`);
  return title;
}
