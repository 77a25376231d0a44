import { setTimeout as pause } from 'node:timers/promises';
import { isContactOwed } from '../../db/queries/webhooks/owed-contacts.ts';
import { isMessageOwed } from '../../db/queries/webhooks/owed-messages.ts';
import type { Context } from '../context.ts';
import { drainContacts } from './drain-contacts.ts';
import { isProfileDue } from '../../db/queries/conversations/profiles.ts';
import { fetchProfiles } from '../conversations/fetch-profiles.ts';
import { drainMessages } from './drain-messages.ts';

/** Of a sealed body, in characters: longer ones are left to workers, since they would keep the event loop from others. */
const longest = 350_000;
/** Pauses before tries to apply what is owed, doubled from the first to the last, in milliseconds. */
const pauses = { first: 100, last: 30_000 };

/**
 * Applies in this process what intake left owed to messages and contacts, and looks people up who wrote without a name: without
 * Temporal no sweep does.
 */
export interface MessageDrain {
  /** Something may be owed. One drain runs at a time, until nothing is. */
  wake(): void;
  /** Resolves when none runs. */
  idle(): Promise<void>;
}

export function createMessageDrain(context: Context): MessageDrain {
  const { db, log, stopping } = context;
  let running: Promise<void> | null = null;
  let isWoken = false;

  const drain = async (): Promise<void> => {
    for (let ms = pauses.first; !stopping.aborted; ms = Math.min(2 * ms, pauses.last)) {
      if (isWoken) ms = pauses.first;
      isWoken = false;
      // Between the tries no connection is held.
      await pause(ms, undefined, { ref: false, signal: stopping }).catch(() => undefined);
      if (stopping.aborted) break;
      try {
        await drainMessages(context, longest);
        await drainContacts(context, longest);
        await fetchProfiles(context);
        const isOwed = await db.system(
          async (em) =>
            (await isMessageOwed(em, longest)) || (await isContactOwed(em, longest)) || (await isProfileDue(em)),
        );
        // No await between this check and the end: a later wake starts another drain.
        if (!isOwed && !isWoken) break;
      } catch (error) {
        log.warn({ err: error }, 'effects of webhooks on messages and contacts are owed');
      }
    }
    running = null;
  };

  return {
    wake: () => {
      isWoken = true;
      running ??= drain();
    },
    idle: async () => {
      await running;
    },
  };
}
