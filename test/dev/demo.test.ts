import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { startRealStack, type RealStack } from '../support/real-stack.ts';

let real: RealStack;
beforeAll(async () => {
  real = await startRealStack();
}, 120_000);
afterAll(() => real?.stop());

const offset = async (): Promise<number> => (await real.control.get('/clock')).offset_seconds;

/** Plays the demo, and interrupts it once `stopAt` was printed. */
async function demo(
  stopAt?: string,
  env = real.env,
): Promise<{ code: number | null; output: string; lines: string[] }> {
  const child = spawn(process.execPath, ['dev/demo.ts'], { env: env as NodeJS.ProcessEnv });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      const before = output;
      output += part.toString();
      if (stopAt && output.includes(stopAt) && !before.includes(stopAt)) child.kill('SIGINT');
    });
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  return { code, output, lines: stripVTControlCharacters(output).split('\n') };
}

describe('the demo on a running stack', () => {
  it('connects, syncs contacts, writes, receives and sends a picture, reconnects and disconnects, and leaves the clock as it was', async () => {
    await real.control.post('/clock', { advance_seconds: 7 });
    const { code, output, lines } = await demo();
    expect([code, output]).toEqual([0, expect.stringContaining('every step succeeded')]);
    expect(output).toContain('is put back by the 120 seconds');
    expect(await offset()).toBe(7);
    const { body } = await real.api.get('/api/v1/contacts?limit=1');
    expect(output).toMatch(/The sync began by itself: [1-9]\d* contacts/);
    expect(output).toContain(body.items[0].display_phone);
    expect(output).toContain('Noa: Is the lamp still for sale? (1 unread)');
    expect(output).toMatch(/The reply is queued\.\s+It is sent\.\s+It is read\./);
    expect(output).toMatch(
      /Ilan: My lamp, number \w+ \(image, image\/png\)\s+Its file was fetched from the provider: 4096 bytes/,
    );
    expect(output).toMatch(/has the same file and is queued\.\s+It is sent, with lamp\.png \(4096 bytes\)/);
    expect(output).toMatch(/\d{4}-\d\d-\d\d +whatsapp +[1-9]\d* messages \(\d+ in, \d+ out\), [1-9]\d* conversations/);
    expect(lines.filter((line) => line.length > 80 && !/^ *https?:\S+$/.test(line))).toEqual([]);
  }, 180_000);

  it('puts the clock back when it is interrupted', async () => {
    const before = await offset();
    const { code, output } = await demo('The code expired');
    expect([code, output]).toEqual([130, expect.stringContaining('the demo was stopped')]);
    expect(output).toContain('is put back by the 120 seconds');
    expect(await offset()).toBe(before);
  }, 120_000);
});

it("stack.json names Meta's sandbox and its WhatsApp account, and Meta knows the stack's callbacks", async () => {
  const { api_url, sandbox } = real.stack.describe();
  const { access_token, business_account_id, phone_number_id } = sandbox!.whatsapp;
  const numbers = await fetch(`${sandbox!.meta_url}/v26.0/${business_account_id}/phone_numbers`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  expect(await numbers.json()).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining({ id: phone_number_id })]),
  });
  expect((await real.control.get('/variants')).meta).toMatchObject({
    deauthorize_url: `${api_url}/callbacks/meta/deauthorize`,
    data_deletion_url: `${api_url}/callbacks/meta/data-deletion`,
  });
});

it('the demo plays on a stack of its own where the one of the home was killed, and removes it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'patchbay-killed-'));
  try {
    writeFileSync(join(home, 'stack.json'), JSON.stringify({ api_url: 'http://127.0.0.1:1' }));
    const { code, output } = await demo('1. A WhatsApp account', { ...real.env, PATCHBAY_HOME: home });
    expect([code, output]).toEqual([130, expect.stringContaining('No stack is running: starting one')]);
    // All of it was in the home that it removed.
    expect(output).not.toContain("PostgreSQL's data is in");
    expect(readdirSync(home).toSorted()).toEqual(['logs', 'stack.json']);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}, 180_000);
