import { randomBytes, randomInt } from 'node:crypto';
import { drawQr } from '../../cli/draw-qr.ts';
import { agree } from './dialog.ts';
import { print, printPart } from './print.ts';
import type { Json, Stage } from './stage.ts';

interface Scene {
  title: string;
  play: (stage: Stage, cast: Cast) => Promise<void>;
}

/** Accounts by the name that a scene gave them; the owner and the seed are new in each demo. */
interface Cast {
  owner: string;
  seed: string;
  accounts: Map<string, Json>;
}

const accountOf = ({ accounts }: Cast, name: string): Json => {
  const found = accounts.get(name);
  if (!found) throw new Error(`an earlier part of the demo did not connect ${name}`);
  return found;
};

async function connect({ api }: Stage, { owner, accounts }: Cast, name: string, request: Json): Promise<Json> {
  const { account } = await api('POST', '/accounts', { ...request, owner });
  accounts.set(name, account);
  return account;
}

const scenes: Scene[] = [
  {
    title: 'A WhatsApp account is connected by QR code',
    async play(stage, cast) {
      const { id } = await connect(stage, cast, 'whatsapp', { provider: 'unipile', channel: 'whatsapp' });
      const first = await stage.step(id, 'qr');
      print(drawQr(first.text));
      print("It is not scanned in time: the sandbox's clock advances by two minutes.");
      await stage.advanceClock(120);
      const second = await stage.step(id, 'qr', first.id);
      print('The code expired and was replaced:');
      print(drawQr(second.text));
      const active = await stage.scan(id);
      cast.accounts.set('whatsapp', active);
      print(`Scanned. The account is ${active.state}: ${active.provider_config.formatted_phone_number}.`);
    },
  },
  {
    title: 'A LinkedIn account is connected with a password and a 2FA code',
    async play(stage, cast) {
      const credentials = { username: `2fa@${cast.seed}.example`, password: 'correct horse' };
      const { id } = await connect(stage, cast, 'linkedin', { provider: 'unipile', channel: 'linkedin', credentials });
      const code = await stage.step(id, 'code');
      print(code.instructions);
      await stage.api('POST', `/accounts/${id}/attempt/steps/${code.id}`, { answer: '000000' });
      const again = await stage.step(id, 'code', code.id);
      print(`A wrong code. ${again.instructions} (${again.attempts_left} tries left)`);
      await stage.api('POST', `/accounts/${id}/attempt/steps/${again.id}`, { answer: '123456' });
      print(`The right code. The account is ${(await stage.account(id, 'active')).state}.`);
    },
  },
  {
    title: 'A WhatsApp number is connected at WASender, and its contacts are synced',
    async play(stage, cast) {
      // Arcep reserves +33 6 39 98 xx xx for fiction.
      const phone_number = `+3363998${String(randomInt(10_000)).padStart(4, '0')}`;
      const request = { provider: 'wasender', channel: 'whatsapp', credentials: { phone_number } };
      const { id } = await connect(stage, cast, 'wasender', request);
      print(drawQr((await stage.step(id, 'qr')).text));
      const active = await stage.scan(id);
      print(`Scanned. ${active.provider_config.formatted_phone_number} is ${active.state}.`);
      const run = await stage.until('the contacts to be synced', async () => {
        const { items } = await stage.api('GET', `/accounts/${id}/syncs?kind=contacts&limit=1`);
        return (items as Json[]).find(({ state }) => state !== 'running');
      });
      if (run.state !== 'succeeded') throw new Error(`the sync of the contacts ${run.state}: ${run.what_to_do}`);
      const { total_fetched: fetched, contacts_with_names: named } = run.stats;
      print(`The sync began by itself: ${fetched} contacts, ${named} of them with a name. Some of them:`);
      const { items } = await stage.api('GET', `/contacts?account=${id}&limit=5`);
      for (const { display_name: name, display_phone: phone } of items as Json[])
        print(`  ${(name === phone ? '(no name)' : name).padEnd(28)} ${phone ?? ''}`);
    },
  },
  {
    title: 'A message arrives, and a reply goes out and is read',
    async play(stage, cast) {
      const { id, provider_account_id: account_id } = accountOf(cast, 'whatsapp');
      const from = `+3363997${String(randomInt(10_000)).padStart(4, '0')}`;
      await stage.control('POST', '/messages', { account_id, from, name: 'Noa', text: 'Is the lamp still for sale?' });
      const conversation = await stage.until('the message', async () => {
        const { items } = await stage.api('GET', `/conversations?account=${id}&unread=true&limit=1`);
        return (items as Json[])[0];
      });
      print(`${conversation.name}: ${conversation.last_message.text} (${conversation.unread_count} unread)`);
      const reply = await stage.api('POST', `/conversations/${conversation.id}/messages`, { text: 'Yes, it is.' });
      print(`The reply is ${reply.status}.`);
      const replied = async (status: string): Promise<Json> => {
        const message = await stage.until(`the reply to be ${status}`, async () => {
          const found = await stage.api('GET', `/messages/${reply.id}`);
          return found.status === status ? found : null;
        });
        print(`It is ${message.status}.`);
        return message;
      };
      const { provider_message_id: message_id } = await replied('sent');
      await stage.control('POST', '/receipts', { account_id, message_id, status: 'read' });
      await replied('read');
    },
  },
  {
    title: 'A picture arrives, and goes out to another person',
    async play(stage, cast) {
      const { id, provider_account_id: account_id } = accountOf(cast, 'whatsapp');
      const [from, to] = ['+3363995', '+3363996'].map((start) => start + String(randomInt(10_000)).padStart(4, '0'));
      const attachments = [{ mimetype: 'image/png', file_name: 'lamp.png', size: 4_096 }];
      const text = `My lamp, number ${cast.seed}`;
      await stage.control('POST', '/messages', { account_id, from, name: 'Ilan', text, attachments });
      const received = await stage.until('the picture', async () => {
        const { items } = await stage.api('GET', `/messages?account=${id}&limit=5`);
        return (items as Json[]).find((message) => message.text === text);
      });
      const [picture] = received.attachments;
      print(`${received.sender.name}: ${received.text} (${picture.kind}, ${picture.mime_type})`);
      const bytes = await stage.file(picture.url);
      print(`Its file was fetched from the provider: ${bytes.size} bytes.`);
      const form = new FormData();
      form.append('file', bytes, 'lamp.png');
      const { id: media_id } = await stage.api('POST', '/media', form);
      const sent = await stage.api('POST', '/messages', {
        account: id,
        recipients: [to],
        text: 'What a lamp!',
        attachments: [{ media_id, file_name: 'lamp.png' }],
      });
      print(`A message to another person has the same file and is ${sent.status}.`);
      const { attachments: files, status } = await stage.until('the message to be sent', async () => {
        const found = await stage.api('GET', `/messages/${sent.id}`);
        return found.status === 'sent' ? found : null;
      });
      print(`It is ${status}, with ${files[0].file_name} (${files[0].size} bytes).`);
    },
  },
  {
    title: 'An Instagram account is connected at Meta, and a message is answered',
    async play(stage, cast) {
      const request = { provider: 'meta', channel: 'instagram', credentials: { choose: 'first' } };
      const { id } = await connect(stage, cast, 'instagram', request);
      const { url } = await stage.step(id, 'redirect');
      print('The owner opens this address, logs in at Meta and agrees:', url);
      print(`The page at the end: "${await agree(url, `plain@${cast.seed}.example`)}".`);
      const active = await stage.account(id, 'active');
      cast.accounts.set('instagram', active);
      print(`The account is ${active.state}: ${active.provider_config.account_metadata.display_name}.`);
      const { provider_account_id: account_id } = active;
      const text = `Do you ship to Windhoek? ${cast.seed}`;
      await stage.control('POST', '/messages', { account_id, from: `66${cast.seed}`, name: 'Naledi', text });
      const message = await stage.until('the message', async () => {
        const { items } = await stage.api('GET', `/messages?account=${id}&limit=20`);
        return (items as Json[]).find((one) => one.text === text);
      });
      const conversation = await stage.api('GET', `/conversations/${message.conversation}`);
      print(`${conversation.name ?? 'Somebody'}: ${message.text}`);
      print(`It can be answered until ${conversation.window.open_until.slice(0, 16).replace('T', ' ')} UTC.`);
      const path = `/conversations/${message.conversation}/messages`;
      const answer = await stage.api('POST', path, { text: 'Yes, within a week.' });
      const sent = await stage.until('the answer to be sent', async () => {
        const found = await stage.api('GET', `/messages/${answer.id}`);
        return found.send.state === 'sent' ? found : null;
      });
      print(`The answer is ${sent.status}.`);
    },
  },
  {
    title: 'WhatsApp drops the account, and its owner reconnects it',
    async play(stage, cast) {
      const { id, provider_account_id: account_id } = accountOf(cast, 'whatsapp');
      await stage.control('POST', '/drop', { account_id, status: 'CREDENTIALS' });
      const dropped = await stage.account(id, 'reconnect_required');
      print(`The provider dropped it. Reason: ${dropped.reason}; who must act: ${dropped.who}.`);
      await stage.api('POST', `/accounts/${id}/reconnect`, {});
      print(drawQr((await stage.step(id, 'qr')).text));
      print(`Scanned. The same account is ${(await stage.scan(id)).state} again.`);
    },
  },
  {
    title: 'The LinkedIn account is disconnected',
    async play(stage, cast) {
      const { id } = accountOf(cast, 'linkedin');
      await stage.api('DELETE', `/accounts/${id}`);
      print(`The account is ${(await stage.account(id, 'disconnected')).state}; its history is kept.`);
    },
  },
  {
    title: 'The day is counted',
    async play(stage, { owner }) {
      print((await stage.patchbay('analytics', 'count')).trim());
      const { items, time_zone: zone } = await stage.until('the day to be counted', async () => {
        const found = await stage.api('GET', `/analytics/daily?owner=${owner}&by=channel`);
        return (found.items as Json[]).some(({ sends_sent: sent }) => sent > 0) && !found.waiting_since ? found : null;
      });
      print(`Figures of ${owner}, by days in the zone ${zone}:`);
      for (const day of (items as Json[]).slice(-6)) {
        const { messages_total: all, messages_incoming: incoming, messages_outgoing: outgoing, conversations } = day;
        const counts = `${all} messages (${incoming} in, ${outgoing} out), ${conversations} conversations`;
        print(`  ${day.date}  ${String(day.channel).padEnd(9)}  ${counts}`);
      }
    },
  },
  {
    title: 'The timelines of the accounts',
    async play({ api }, { accounts }) {
      for (const { id, provider, channel } of accounts.values()) {
        const { items } = await api('GET', `/accounts/${id}/timeline?limit=100`);
        print(`${channel} at ${provider}: ${id}`);
        for (const line of items as Json[]) print(`  ${line.at.slice(11, 19)}  ${line.text}`);
        const { history_url: history } = await api('GET', `/accounts/${id}/attempt`);
        if (history) print('In the Temporal UI:', history);
      }
    },
  },
];

/** Plays all scenes; `begin` is told the title of each. */
export async function playScenes(stage: Stage, begin: (title: string) => void): Promise<void> {
  const seed = randomBytes(3).toString('hex');
  const cast: Cast = { seed, owner: `maya-${seed}`, accounts: new Map() };
  for (const [n, { title, play }] of scenes.entries()) {
    begin(title);
    printPart(`${n + 1}. ${title}`);
    await play(stage, cast);
  }
}
