import { hashText, randomFrom } from '../world/random.ts';
import type { Deliveries, Delivery, DeliveryRecord } from './deliveries.ts';
import { malformed } from './malformed.ts';

/** Shares of the deliveries. */
export interface SenderShares {
  seed: string;
  duplicates: number;
  disorder: number;
  loss: number;
  malformed: number;
  /** Nothing is written while so many webhooks were neither delivered nor given up. */
  waiting?: number | undefined;
}

/** Of one webhook that an event sends. */
export interface SentWebhook {
  event: string;
  lost: boolean;
  /** One, or two where it is sent twice; none when it is lost or still held back. */
  copies: DeliveryRecord[];
}

export interface Sender {
  /** `n`: the number of the event that sends it. */
  send(n: number, delivery: Delivery): SentWebhook;
  /** Starts what was held back until this event. */
  release(n: number): void;
  /** Resolves when less than `MAX_OPEN` deliveries wait for the answer to their first try, and less than `waiting` in all. */
  room(): Promise<void>;
  /** The broken bodies. */
  malformed: DeliveryRecord[];
}

/** A delivery is overtaken by this many later events at most. */
const DISORDER = 20;
const MAX_OPEN = 200;

export function createSender(shares: SenderShares, deliveries: Deliveries): Sender {
  const random = randomFrom(hashText(`${shares.seed} deliveries`));
  const broken: DeliveryRecord[] = [];
  let held: { until: number; start: () => void }[] = [];
  let open = 0;
  let waiting = 0;
  let wake = (): void => {};

  const start = (delivery: Delivery): DeliveryRecord => {
    open++;
    waiting++;
    const tried = (): void => {
      open--;
      wake();
    };
    const ended = (): void => {
      waiting--;
      wake();
    };
    return deliveries.start({ ...delivery, tried, ended });
  };

  return {
    malformed: broken,
    send(n, delivery) {
      // Always as many draws, so that one share does not change what another hits.
      const draws = { loss: random(), disorder: random(), duplicates: random(), malformed: random() };
      const [wait, secondWait, form] = [random(), random(), random()];
      const isHit = (share: keyof typeof draws): boolean => draws[share] < shares[share];
      const sent: SentWebhook = { event: delivery.label, lost: isHit('loss'), copies: [] };
      const hold = (draw: number): void => {
        held.push({ until: n + 1 + Math.floor(draw * DISORDER), start: () => void sent.copies.push(start(delivery)) });
      };
      if (isHit('malformed')) {
        broken.push(start({ ...delivery, label: 'malformed', body: malformed(delivery.body, form) }));
      }
      if (sent.lost) return sent;
      if (isHit('disorder')) hold(wait);
      else sent.copies.push(start(delivery));
      if (isHit('duplicates')) hold(secondWait);
      return sent;
    },
    release(n) {
      for (const one of held) if (one.until <= n) one.start();
      held = held.filter(({ until }) => until > n);
    },
    async room() {
      while (open >= MAX_OPEN || waiting >= (shares.waiting ?? Infinity))
        await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}
