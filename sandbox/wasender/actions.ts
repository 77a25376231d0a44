import { z } from 'zod';
import { action, ControlError, type AccountRef, type ProviderSandbox } from '../provider.ts';
import { WasenderError } from './errors.ts';
import { changePeople, replaceBook } from './address-book.ts';
import { bookOptions } from './contact-book.ts';
import { attachment, react, receive } from './happenings.ts';
import { finishLinking, leave } from './linking.ts';
import { getMessage, moveStatus } from './messages.ts';
import { removeSession, type State } from './state.ts';
import { SESSION_STATUSES, type Linking, type Session } from './types.ts';

const share = z.number().min(0).max(1).default(0);
const RECEIPTS = { sent: 2, delivered: 3, read: 4, played: 5 } as const;

/** The session that a control call means; undefined when it is none of ours. */
export function referred(state: State, { session, account_id }: AccountRef): Session | undefined {
  const id = session ?? account_id ?? '';
  return /^\d{1,12}$/.test(id) ? state.sessions.get(Number(id)) : undefined;
}

/** The provider's side of the control API. */
export function createActions(state: State): ProviderSandbox['actions'] {
  const sessionOf = (ref: AccountRef): Session => {
    const session = referred(state, ref);
    if (!session) throw new ControlError(404, `no WASender session "${ref.session ?? ref.account_id}"`);
    return session;
  };
  const show = (session: Session): object => ({
    session: session.id,
    status: session.status,
    phone: session.linked?.phone ?? null,
  });
  /** Ends the linking that waits for this kind of yes. */
  const pass = (session: Session, method: Linking['method'], phone?: string): object => {
    const { linking } = session;
    if (linking?.method !== method) throw new ControlError(409, `this session waits for no ${method}`);
    if (linking.until <= state.shared.clock.now())
      throw new ControlError(
        409,
        `the ${method} has lapsed; ${method === 'qr' ? 'GET qrcode' : 'a connect'} gives a new one`,
      );
    finishLinking(state, session, phone);
    return show(session);
  };

  return {
    scan: action(z.object({ phone: z.string().optional() }), (ref, { phone }) =>
      pass(sessionOf(ref), 'qr', phone === undefined ? undefined : phoneDigits(phone)),
    ),

    approve: action(z.object({}), (ref) => pass(sessionOf(ref), 'passkey')),

    drop: action(
      z.object({
        status: z
          .string()
          .toLowerCase()
          .pipe(z.enum([...SESSION_STATUSES, 'deleted'])),
      }),
      (ref, { status }) => {
        const session = sessionOf(ref);
        if (status === 'deleted') {
          removeSession(state, session);
          return { session: session.id, status };
        }
        if (status === 'connected' && !session.linked) finishLinking(state, session);
        else leave(state, session, status);
        return show(session);
      },
    ),

    messages: action(
      z.object({
        chat: z.string().optional(),
        from: z.string().min(1),
        name: z.string().optional(),
        text: z.string().nullable().default(null),
        count: z.int().min(1).max(10_000).default(1),
        attachments: z.array(attachment).max(1).default([]),
      }),
      (ref, body) => said(() => receive(state, sessionOf(ref), body)),
    ),

    receipts: action(
      z.object({
        message_id: z.union([z.string(), z.number().transform(String)]),
        status: z.enum(['sent', 'delivered', 'read', 'played']),
      }),
      (ref, { message_id, status }) =>
        said(() => {
          const session = sessionOf(ref);
          const message = getMessage(session, message_id);
          if (message.from !== null) throw new ControlError(409, 'only messages of the owner get receipts');
          moveStatus(state, session, message, RECEIPTS[status]);
          return { session: session.id, message_id: message.msgId, status };
        }),
    ),

    reactions: action(
      z.object({
        message_id: z.union([z.string(), z.number().transform(String)]),
        value: z.string().min(1),
        from: z.string().optional(),
      }),
      (ref, body) => said(() => react(state, sessionOf(ref), body)),
    ),

    put_address_book: action(
      z.object({
        size: z.int().min(0).max(1_000_000),
        seed: z.union([z.string(), z.number().transform(String)]),
        announce: z.boolean().default(false),
        ...bookOptions.shape,
      }),
      (ref, { size, seed, announce, ...options }) => replaceBook(state, sessionOf(ref), size, seed, options, announce),
    ),

    patch_address_book: action(z.object({ change: share, remove: share }), (ref, { change, remove }) =>
      changePeople(state, sessionOf(ref), change, remove),
    ),
  };
}

/** A mistake that the API would refuse is refused by control too. */
function said(run: () => object): object {
  try {
    return run();
  } catch (error) {
    if (error instanceof WasenderError) throw new ControlError(error.status, error.message);
    throw error;
  }
}

function phoneDigits(phone: string): string {
  const digits = phone.replaceAll(/[\s+()-]/g, '');
  if (!/^\d{6,15}$/.test(digits))
    throw new ControlError(400, 'phone must be a number with its country code, like +33639980001');
  return digits;
}
