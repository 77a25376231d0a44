import { hashText, mix } from '../world/random.ts';
import { notes, picture, silence } from '../world/media.ts';
import { addMessage, scopedContact, threadWith } from './chats.ts';
import type { State } from './state.ts';
import type { Attachment, InstagramAccount, Page } from './types.ts';

/** Threads end this long before the account is made; each next one ten minutes earlier. In milliseconds. */
const BEFORE = 60_000;
const STEP = 600_000;
const GAP = 30_000;

const TEXTS = [
  'Are you open on Sunday?',
  'Thanks, that helps a lot',
  'Do you have it in blue?',
  'We do, see you tomorrow',
  'How much is the delivery?',
  'Sounds good 👍',
  'Ça marche, merci',
  'I will come by at nine',
];

/** Generated threads: 3 to 9 messages, every fifth one more than can be read. */
export function addHistory(state: State, asset: Page | InstagramAccount, size: number, seed: string): void {
  const hash = hashText(seed);
  const end = state.shared.clock.now() - BEFORE;
  for (let n = 0; n < size; n++) {
    const who = `${seed} person ${n}`;
    const thread = threadWith(state, asset, scopedContact(asset, who));
    const count = n % 5 === 4 ? 24 : 3 + (mix(hash, n, 31) % 7);
    for (let m = count - 1; m >= 0; m--) {
      const draw = mix(hash, n, 51, m);
      addMessage(state, asset, thread, {
        from: draw % 3 === 0 ? 'account' : 'contact',
        text: `${TEXTS[draw % TEXTS.length]} (${n}.${m})`,
        ts: end - n * STEP - m * GAP,
        attachments: draw % 7 === 0 ? [generatedFile(state, draw)] : [],
        status: 'read',
      });
    }
    thread.unread = 0;
  }
}

/** The same bytes for all: a kept world holds them once. */
const SOUNDS = [silence(0), silence(1)];

const FILES: { kind: Attachment['kind']; mimetype: string; fileName: string; bytes: (seed: number) => Buffer }[] = [
  { kind: 'image', mimetype: 'image/png', fileName: 'picture.png', bytes: picture },
  { kind: 'audio', mimetype: 'audio/wav', fileName: 'voice.wav', bytes: (seed) => SOUNDS[seed % 2]! },
  { kind: 'file', mimetype: 'text/plain', fileName: 'notes.txt', bytes: notes },
];

function generatedFile(state: State, seed: number): Attachment {
  const { bytes, ...file } = FILES[(seed >>> 8) % FILES.length]!;
  return { ...file, id: String(1_000_000_000_000_000 + state.world.nextId++), bytes: bytes(seed) };
}
