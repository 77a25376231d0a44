import { z } from 'zod';
import { ApiError } from '../server/errors.ts';
import { action, actionFields, messagesAction, type ProviderSandbox } from '../server/provider.ts';
import { changePeople, createPeople } from '../world/generated-people.ts';
import { createChatStore } from './chat-store.ts';
import { confirmOnDevice } from './login/login.ts';
import { changeChat, changeGroup, openGroup } from './simulate-chats.ts';
import {
  receiveDeletion,
  receiveEdit,
  receiveMessages,
  receiveReaction,
  receiveReceipt,
  whenConnected,
} from './simulate.ts';
import { removeAccount, type State } from './state.ts';
import { SOURCE_STATUSES, type Account } from './types.ts';
import { emitStatus, sendRaw } from './webhooks.ts';

export function createActions(state: State): ProviderSandbox['actions'] {
  const show = (account: Account): object => ({
    account_id: account.id,
    status: account.status,
    phone: account.identity?.phone ?? null,
    checkpoint: account.login?.steps[0]?.type ?? null,
  });

  return {
    scan: action(actionFields.scan, (account: Account, { phone }) => {
      const { login } = account;
      const now = state.shared.clock.now();
      if (login?.steps[0]?.type !== 'QRCODE') throw new ApiError(409, 'this account waits for no scan');
      if (login.qrUntil <= now || login.deadline <= now) {
        throw new ApiError(409, 'the QR code has lapsed; POST /api/v1/accounts/{id} gives a new one');
      }
      confirmOnDevice(state, account, phone);
      return show(account);
    }),

    approve: action(actionFields.approve, (account: Account) => {
      const { login } = account;
      const type = login?.steps[0]?.type;
      if (!login || (type !== 'IN_APP_VALIDATION' && type !== 'CAPTCHA')) {
        throw new ApiError(409, `nothing to approve; the login waits for ${type ?? 'nothing'}`);
      }
      if (login.deadline <= state.shared.clock.now()) throw new ApiError(409, 'the login attempt has lapsed');
      confirmOnDevice(state, account);
      return show(account);
    }),

    drop: action(z.object({ status: z.enum([...SOURCE_STATUSES, 'DELETED']) }), (account: Account, { status }) => {
      if (status === 'DELETED') removeAccount(state, account);
      else account.status = status;
      emitStatus(state, account, status);
      if (status === 'OK') account.pendingEvents.release();
      return show(account);
    }),

    messages: messagesAction<Account>({
      write: (account, message) => whenConnected(account, () => receiveMessages(state, account, message)),
      edit: (account, id, text) => whenConnected(account, () => receiveEdit(state, account, id, text)),
      remove: (account, id) => whenConnected(account, () => receiveDeletion(state, account, id)),
      react: (account, reaction) => whenConnected(account, () => receiveReaction(state, account, reaction)),
    }),

    receipts: action(
      actionFields.receipts.extend({ status: z.enum(['delivered', 'read']) }),
      (account: Account, receipt) => whenConnected(account, () => receiveReceipt(state, account, receipt)),
    ),

    reactions: action(actionFields.reactions, (account: Account, reaction) =>
      whenConnected(account, () => receiveReaction(state, account, reaction)),
    ),

    post_group: action(
      actionFields.postGroup.extend({ channel: z.boolean().default(false) }),
      (account: Account, group) => whenConnected(account, () => openGroup(state, account, group)),
    ),
    patch_group: action(actionFields.patchGroup, (account: Account, group) =>
      whenConnected(account, () => changeGroup(state, account, group)),
    ),
    patch_chat: action(actionFields.patchChat.extend({ read_only: z.boolean().optional() }), (account: Account, chat) =>
      whenConnected(account, () => changeChat(state, account, chat)),
    ),

    post_webhook: action(
      actionFields.postWebhook.extend({ source: z.enum(['messaging', 'account_status']).default('messaging') }),
      (account: Account, { source, body }) => ({ sent: sendRaw(state, account, source, body) }),
    ),

    put_address_book: action(actionFields.putAddressBook, (account: Account, { size, seed }) => {
      const { store } = account;
      // Another seed means other people: messages of the old ones are deleted.
      if (store.people.seed !== seed) account.store = createChatStore(account.createdAt, size, seed);
      else store.people = createPeople(size, seed);
      return { account_id: account.id, size, seed };
    }),

    patch_address_book: action(actionFields.patchAddressBook, (account: Account, { change, remove }) => ({
      account_id: account.id,
      ...changePeople(account.store.people, change, remove),
    })),
  };
}
