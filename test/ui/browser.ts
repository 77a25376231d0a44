import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';

/** A Chromium of this machine, or null. */
export function findChromium(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'].filter(Boolean);
  const files = [
    process.env.CHROMIUM_PATH ?? '',
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
  ];
  return files.find((file) => file !== '' && existsSync(file)) ?? null;
}

/** A browser without a window and with a profile of its own. */
export interface Browser {
  /** The visible text, one piece a line, once it holds all of `expected`. */
  read(url: string, ...expected: string[]): Promise<string>;
  close(): void;
}

export function openBrowser(chromium: string): Browser {
  const profile = mkdtempSync(join(tmpdir(), 'patchbay-browser-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1400,1600'];
  // Not a wait: the page's timers are run ahead until it has nothing left to do.
  const whole = ['--virtual-time-budget=20000', '--dump-dom'];
  const dump = async (url: string): Promise<string> => {
    const options = { timeout: 30_000, maxBuffer: 50_000_000 };
    const args = [...flags, `--user-data-dir=${profile}`, ...whole, url];
    return textOf((await promisify(execFile)(chromium, args, options)).stdout);
  };
  return {
    read: async (url, ...expected) => {
      let seen = '';
      try {
        return await eventually('the page', async () => {
          seen = await dump(url);
          return expected.every((text) => seen.includes(text)) && seen;
        });
      } catch (error) {
        const missing = expected.filter((text) => !seen.includes(text));
        throw new Error(`${url} lacks ${missing.join(', ')}; it says: ${seen.slice(-3_000)}`, { cause: error });
      }
    },
    close: () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }),
  };
}

const textOf = (html: string): string =>
  html
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, '\n')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replace(/\s*\n\s*/g, '\n');
