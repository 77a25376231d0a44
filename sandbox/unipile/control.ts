import { z } from 'zod';
import { type AccountRef, action, ControlError, type ProviderSandbox } from '../server/provider.ts';
import { attachmentType } from './attachments.ts';
import { createMailbox } from './chat-store.ts';
import { passOnDevice } from './login/login.ts';
import { happen, receiveMessages, recordReaction, recordReceipt } from './simulate.ts';
import { catchUp, removeAccount, type State } from './state.ts';
import { type Account, SOURCE_STATUSES, type StoredAttachment } from './types.ts';
import { emitStatus } from './webhooks.ts';
import { changeBook, createBook } from '../world/address-book.ts';

const share = z.number().min(0).max(1).default(0);

/** The provider's side of the control API. */
export function createActions(state: State): ProviderSandbox['actions'] {
  const accountOf = ({ account_id }: AccountRef): Account => {
    const account = state.accounts.get(account_id ?? '');
    if (!account) throw new ControlError(404, `no UniPile account "${account_id}"`);
    return account;
  };
  const show = (account: Account): object => ({
    account_id: account.id,
    status: account.status,
    phone: account.identity?.phone ?? null,
    checkpoint: account.login?.steps[0]?.type ?? null,
  });

  return {
    scan: action(z.object({ phone: z.string().optional() }), (ref, { phone }) => {
      const account = accountOf(ref);
      const { login } = account;
      const now = state.shared.clock.now();
      if (login?.steps[0]?.type !== 'QRCODE') throw new ControlError(409, 'this account waits for no scan');
      if (login.qrUntil <= now || login.deadline <= now) {
        throw new ControlError(409, 'the QR code has lapsed; POST /api/v1/accounts/{id} gives a new one');
      }
      passOnDevice(state, account, phone === undefined ? undefined : phoneDigits(phone));
      return show(account);
    }),

    approve: action(z.object({}), (ref) => {
      const account = accountOf(ref);
      const type = account.login?.steps[0]?.type;
      if (type !== 'IN_APP_VALIDATION' && type !== 'CAPTCHA') {
        throw new ControlError(409, `nothing to approve; the login waits for ${type ?? 'nothing'}`);
      }
      if (account.login!.deadline <= state.shared.clock.now())
        throw new ControlError(409, 'the login attempt has lapsed');
      passOnDevice(state, account);
      return show(account);
    }),

    drop: action(z.object({ status: z.enum([...SOURCE_STATUSES, 'DELETED']) }), (ref, { status }) => {
      const account = accountOf(ref);
      if (status === 'DELETED') removeAccount(state, account);
      else account.status = status;
      emitStatus(state, account, status);
      if (status === 'OK') catchUp(account);
      return show(account);
    }),

    messages: action(
      z.object({
        chat: z.string().optional(),
        from: z.string().min(1),
        name: z.string().optional(),
        text: z.string().nullable().default(null),
        count: z.int().min(1).max(10_000).default(1),
        attachments: z
          .array(
            z.object({
              mimetype: z.string(),
              file_name: z.string().default('file'),
              size: z.int().min(0).max(26_214_400).default(64),
            }),
          )
          .default([]),
      }),
      (ref, body) => {
        const account = accountOf(ref);
        if (body.text === null && body.attachments.length === 0)
          throw new ControlError(400, 'text or attachments is required');
        const attachments = body.attachments.map((one): StoredAttachment => ({
          type: attachmentType(one.mimetype),
          file_name: one.file_name,
          mimetype: one.mimetype,
          bytes: Buffer.alloc(one.size, 'sandbox '),
        }));
        return happen(account, () => receiveMessages(state, account, { ...body, attachments }));
      },
    ),

    receipts: action(z.object({ message_id: z.string(), status: z.enum(['delivered', 'read']) }), (ref, body) => {
      const account = accountOf(ref);
      return happen(account, () => recordReceipt(state, account, body.message_id, body.status));
    }),

    reactions: action(
      z.object({ message_id: z.string(), value: z.string().min(1), from: z.string().optional() }),
      (ref, body) => {
        const account = accountOf(ref);
        return happen(account, () => recordReaction(state, account, body));
      },
    ),

    put_address_book: action(
      z.object({ size: z.int().min(0).max(1_000_000), seed: z.union([z.string(), z.number().transform(String)]) }),
      (ref, { size, seed }) => {
        const account = accountOf(ref);
        const { book } = account.mailbox;
        // Other people: what was written with the old ones is gone with them.
        if (book.seed !== seed) account.mailbox = createMailbox(account.createdAt, size, seed);
        else account.mailbox.book = createBook(size, seed);
        return { account_id: account.id, size, seed };
      },
    ),

    patch_address_book: action(z.object({ change: share, remove: share }), (ref, { change, remove }) => {
      const account = accountOf(ref);
      return { account_id: account.id, ...changeBook(account.mailbox.book, change, remove) };
    }),
  };
}

function phoneDigits(phone: string): string {
  const digits = phone.replaceAll(/[\s+()-]/g, '');
  if (!/^\d{6,15}$/.test(digits))
    throw new ControlError(400, 'phone must be a number with its country code, like +33639980001');
  return digits;
}
