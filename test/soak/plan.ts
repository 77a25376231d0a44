import type { Draws } from './random.ts';

/** What a storm does; everything else follows from the seed. */
export interface Size {
  seed: number;
  accounts: number;
  /** Reconnects and disconnects of each account after its first login. */
  wishes: number;
  /** How often each part of the stack is killed. */
  kills: number;
  /** Wishes go on until then, in milliseconds from the start, whatever their number. */
  lastsMs: number;
  /** Whether the provider drops accounts by itself. */
  drops: boolean;
}

/** When a wish is made: at once after the one before, in the middle of its login, or when that has ended. */
type Moment = 'at once' | 'midway' | 'settled';

export interface NextOperation {
  kind: 'reconnect' | 'disconnect';
  moment: Moment;
  /** With an Idempotency-Key. */
  keyed: boolean;
  /** Taken back while it runs. */
  cancelled: boolean;
  /** A sync of the details is asked for before it. */
  sync: boolean;
}

/** Somebody with an account: how it logs in, and what is wished for it. */
export interface Person {
  name: string;
  channel: 'whatsapp' | 'linkedin' | 'telegram';
  method: 'qr' | 'credentials' | 'hosted';
  /** The sandbox's user name chooses what the login asks for. */
  username: string;
  phone: string;
  wishes: NextOperation[];
}

/** Who takes part, in this order and again from the start. */
const casting: readonly [Person['channel'], Person['method'], string][] = [
  ['whatsapp', 'qr', ''],
  ['linkedin', 'credentials', '2fa'],
  ['linkedin', 'hosted', '2fa'],
  ['linkedin', 'credentials', 'plain'],
  ['whatsapp', 'hosted', ''],
  ['linkedin', 'credentials', 'two'],
  ['whatsapp', 'qr', ''],
  ['linkedin', 'credentials', 'approve'],
  ['linkedin', 'credentials', 'otp'],
  ['telegram', 'qr', ''],
  ['linkedin', 'credentials', 'contract'],
  ['linkedin', 'hosted', 'plain'],
  ['linkedin', 'credentials', 'phone'],
  ['linkedin', 'credentials', 'captcha'],
  ['linkedin', 'credentials', 'wrong-password'],
];

export function planPeople({ accounts, wishes }: Size, draws: Draws): Person[] {
  return Array.from({ length: accounts }, (_, n) => {
    const [channel, method, story] = casting[n % casting.length] ?? ['whatsapp', 'qr', ''];
    const own = draws.fork(`person ${n}`);
    return {
      name: `${n + 1} ${channel} ${method}${story && ` ${story}`}`,
      channel,
      method,
      username: `${story || 'plain'}+${n}@soak.example`,
      phone: `+336399${String(80_000 + n).padStart(5, '0')}`,
      wishes: Array.from({ length: wishes }, () => drawWish(own)),
    };
  });
}

export const drawWish = (draws: Draws): NextOperation => ({
  kind: draws.chance(0.6) ? 'reconnect' : 'disconnect',
  moment: draws.pick(['at once', 'midway', 'settled', 'settled']),
  keyed: draws.chance(0.5),
  cancelled: draws.chance(0.12),
  sync: draws.chance(0.2),
});
