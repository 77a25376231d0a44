import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from './test-sandbox.ts';
import { startWasenderSandbox, type WasenderSandbox } from './wasender-sandbox.ts';

let folder: string;
let file: string;
let sandbox: WasenderSandbox;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-world-'));
  file = join(folder, 'world');
  sandbox = await startWasenderSandbox(file);
});
afterEach(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await sandbox.close();
  sandbox = await startWasenderSandbox(file);
}

/** Statuses and bodies; ports differ after a restart. */
const comparable = (answers: Answer[]): unknown =>
  JSON.parse(
    JSON.stringify(answers.map(({ status, body }) => ({ status, body }))).replaceAll(/127\.0\.0\.1:\d+/g, 'here'),
  );

describe('a world that is kept in a file', () => {
  it('has its UniPile accounts, messages and webhooks after a restart', async () => {
    const id = await sandbox.whatsapp('+33639980002');
    await sandbox.control('PUT', '/address-book', { account_id: id, size: 5, seed: 'kept' });
    await sandbox.control('POST', '/messages', {
      account_id: id,
      from: '33639980009',
      text: 'hello',
      attachments: [{ mimetype: 'image/png' }],
    });
    await sandbox.unipile('POST', '/webhooks', { source: 'messaging', request_url: 'http://127.0.0.1:1/hook' });
    const answers = () =>
      Promise.all(
        ['/accounts', `/accounts/${id}`, `/messages?account_id=${id}`, '/chats', '/chat_attendees', '/webhooks'].map(
          (path) => sandbox.unipile('GET', path),
        ),
      );
    const before = await answers();
    expect(before[2]?.body.items).toEqual(expect.arrayContaining([expect.objectContaining({ text: 'hello' })]));
    await restart();
    expect(comparable(await answers())).toEqual(comparable(before));
    const { body } = await sandbox.control('POST', '/messages', { account_id: id, from: '33639980009', text: 'again' });
    expect(body).not.toHaveProperty('waiting');
  });

  it('has its WASender sessions with their keys, contacts and messages', async () => {
    const { id, key } = await sandbox.linked();
    await sandbox.control('PUT', '/address-book', { session: id, size: 7, seed: 'kept' });
    await sandbox.wasender('POST', '/send-message', { to: '+33639980009', text: 'hello' }, key);
    const answers = () =>
      Promise.all([
        sandbox.wasender('GET', `/whatsapp-sessions/${id}`),
        sandbox.wasender('GET', '/contacts', undefined, key),
        sandbox.wasender('GET', '/status', undefined, key),
        sandbox.wasender('GET', `/whatsapp-sessions/${id}/message-logs`),
      ]);
    const before = await answers();
    expect(before.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await restart();
    expect(comparable(await answers())).toEqual(comparable(before));
  });

  it('has its time and variants, and no running login', async () => {
    await sandbox.control('POST', '/clock', { advance_seconds: 86_400 });
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'account_status_shape', value: 'flat' });
    const { body } = await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' });
    const session = await sandbox.created();
    await sandbox.wasender('POST', `/whatsapp-sessions/${session.id}/connect`);
    await restart();
    expect((await sandbox.control('GET', '/clock')).body.offset_seconds).toBe(86_400);
    expect(JSON.stringify((await sandbox.control('GET', '/variants')).body)).toContain('"account_status_shape":"flat"');
    expect((await sandbox.unipile('GET', `/accounts/${body.account_id}`)).status).toBe(404);
    expect((await sandbox.wasender('GET', '/status', undefined, session.key)).body.status).toBe('disconnected');
  });

  it('starts anew, with a message, when the file cannot be read', async () => {
    await sandbox.whatsapp();
    await sandbox.close();
    expect(readFileSync(file).length).toBeGreaterThan(0);
    writeFileSync(file, 'no world');
    const { write } = process.stderr;
    let printed = '';
    process.stderr.write = (text) => ((printed += String(text)), true);
    sandbox = await startWasenderSandbox(file);
    process.stderr.write = write;
    expect(printed).toContain(`${file} cannot be read`);
    expect((await sandbox.unipile('GET', '/accounts')).body.items).toEqual([]);
  });
});
