import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from './world.ts';
import { startWasender, type WasenderWorld } from './wasender-world.ts';

let folder: string;
let file: string;
let world: WasenderWorld;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-world-'));
  file = join(folder, 'world');
  world = await startWasender(file);
});
afterEach(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await world.close();
  world = await startWasender(file);
}

/** Statuses and bodies; ports differ after a restart. */
const comparable = (answers: Answer[]): unknown =>
  JSON.parse(
    JSON.stringify(answers.map(({ status, body }) => ({ status, body }))).replaceAll(/127\.0\.0\.1:\d+/g, 'here'),
  );

describe('a world that is kept in a file', () => {
  it('has its UniPile accounts, messages and webhooks after a restart', async () => {
    const id = await world.whatsapp('+33639980002');
    await world.control('PUT', '/address-book', { account_id: id, size: 5, seed: 'kept' });
    await world.control('POST', '/messages', {
      account_id: id,
      from: '33639980009',
      text: 'hello',
      attachments: [{ mimetype: 'image/png' }],
    });
    await world.unipile('POST', '/webhooks', { source: 'messaging', request_url: 'http://127.0.0.1:1/hook' });
    const answers = () =>
      Promise.all(
        ['/accounts', `/accounts/${id}`, `/messages?account_id=${id}`, '/chats', '/chat_attendees', '/webhooks'].map(
          (path) => world.unipile('GET', path),
        ),
      );
    const before = await answers();
    expect(before[2]?.body.items).toEqual(expect.arrayContaining([expect.objectContaining({ text: 'hello' })]));
    await restart();
    expect(comparable(await answers())).toEqual(comparable(before));
    const { body } = await world.control('POST', '/messages', { account_id: id, from: '33639980009', text: 'again' });
    expect(body).not.toHaveProperty('waiting');
  });

  it('has its WASender sessions with their keys, contacts and messages', async () => {
    const { id, key } = await world.linked();
    await world.control('PUT', '/address-book', { session: id, size: 7, seed: 'kept' });
    await world.wasender('POST', '/send-message', { to: '+33639980009', text: 'hello' }, key);
    const answers = () =>
      Promise.all([
        world.wasender('GET', `/whatsapp-sessions/${id}`),
        world.wasender('GET', '/contacts', undefined, key),
        world.wasender('GET', '/status', undefined, key),
        world.wasender('GET', `/whatsapp-sessions/${id}/message-logs`),
      ]);
    const before = await answers();
    expect(before.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await restart();
    expect(comparable(await answers())).toEqual(comparable(before));
  });

  it('has its time and variants, and no login that was under way', async () => {
    await world.control('POST', '/clock', { advance_seconds: 86_400 });
    await world.control('PUT', '/variants', { provider: 'unipile', name: 'account_status_shape', value: 'flat' });
    const { body } = await world.unipile('POST', '/accounts', { provider: 'WHATSAPP' });
    const session = await world.created();
    await world.wasender('POST', `/whatsapp-sessions/${session.id}/connect`);
    await restart();
    expect((await world.control('GET', '/clock')).body.offset_seconds).toBe(86_400);
    expect(JSON.stringify((await world.control('GET', '/variants')).body)).toContain('"account_status_shape":"flat"');
    expect((await world.unipile('GET', `/accounts/${body.account_id}`)).status).toBe(404);
    expect((await world.wasender('GET', '/status', undefined, session.key)).body.status).toBe('disconnected');
  });

  it('begins anew, and says so, when the file cannot be read', async () => {
    await world.whatsapp();
    await world.close();
    expect(readFileSync(file).length).toBeGreaterThan(0);
    writeFileSync(file, 'no world');
    const { write } = process.stderr;
    let said = '';
    process.stderr.write = (text) => ((said += String(text)), true);
    world = await startWasender(file);
    process.stderr.write = write;
    expect(said).toContain(`${file} cannot be read`);
    expect((await world.unipile('GET', '/accounts')).body.items).toEqual([]);
  });
});
