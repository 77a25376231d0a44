import type { Draws } from './random.ts';

/** How much a soak does; everything else follows from the seed. */
export interface Size {
  seed: number;
  accounts: number;
  /** Reconnects and disconnects of each account after its first login. */
  operations: number;
  /** How often each part of the stack is killed. */
  kills: number;
  /** Operations go on for at least this time, in milliseconds from the start. */
  lastsMs: number;
  /** Whether the provider drops accounts. */
  drops: boolean;
  /** Whether a row is locked, keys are refused and runs are cancelled meanwhile. */
  disturbed: boolean;
}

/** When an operation is requested: right after the one before, in the middle of its login, or after its login's end. */
type Moment = 'at once' | 'midway' | 'settled';

export interface PlannedOperation {
  kind: 'reconnect' | 'disconnect';
  moment: Moment;
  /** Requested with an Idempotency-Key. */
  keyed: boolean;
  /** Cancelled while it runs. */
  cancelled: boolean;
  /** A sync of the details is requested before it. */
  sync: boolean;
}

/** The owner of one account: how it logs in, and the operations requested for it. */
export interface Person {
  name: string;
  channel: 'whatsapp' | 'linkedin' | 'telegram';
  method: 'qr' | 'credentials' | 'hosted';
  /** Chooses what the sandbox's login asks for. */
  username: string;
  phone: string;
  operations: PlannedOperation[];
}

/** Channel, method and sandbox scenario of each account, in turn. */
const accountKinds: readonly [Person['channel'], Person['method'], string][] = [
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

export function planPeople({ accounts, operations }: Size, draws: Draws): Person[] {
  return Array.from({ length: accounts }, (_, n) => {
    const [channel, method, scenario] = accountKinds[n % accountKinds.length] ?? ['whatsapp', 'qr', ''];
    const own = draws.fork(`person ${n}`);
    return {
      name: `${n + 1} ${channel} ${method}${scenario && ` ${scenario}`}`,
      channel,
      method,
      username: `${scenario || 'plain'}+${n}@soak.example`,
      phone: `+336399${String(80_000 + n).padStart(5, '0')}`,
      operations: Array.from({ length: operations }, () => drawOperation(own)),
    };
  });
}

export const drawOperation = (draws: Draws): PlannedOperation => ({
  kind: draws.chance(0.6) ? 'reconnect' : 'disconnect',
  moment: draws.pick(['at once', 'midway', 'settled', 'settled']),
  keyed: draws.chance(0.5),
  cancelled: draws.chance(0.12),
  sync: draws.chance(0.2),
});
