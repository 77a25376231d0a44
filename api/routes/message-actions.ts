import { z } from 'zod';
import { actOnMessage, showTyping, type MessageAction } from '../../services/messages/act-on-message.ts';
import { route, type Call } from '../http/route.ts';
import { messageAnswer } from '../views/message.ts';
import { shownMessage } from './messages.ts';

const tag = 'messages';
const params = z.object({ id: z.string().describe('The message.') });

async function act(call: Call<{ id: string }>, action: MessageAction) {
  const { id } = await actOnMessage(call, call.params.id, action);
  return { body: await shownMessage(call, id) };
}

const react = route({
  name: 'reactToMessage',
  method: 'post',
  path: '/messages/{id}/reactions',
  summary: "React to a message in place of the account's earlier reaction; null takes it back",
  tag,
  scope: 'write',
  idempotent: true,
  params,
  body: z.object({ emoji: z.string().min(1).max(64).nullable() }),
  example: { emoji: '👍' },
  answer: messageAnswer,
  handle: (call) => act(call, { kind: 'react', emoji: call.body.emoji }),
});

const edit = route({
  name: 'editMessage',
  method: 'patch',
  path: '/messages/{id}',
  summary: 'Change the text of an own message',
  tag,
  scope: 'write',
  params,
  body: z.object({ text: z.string().trim().min(1) }),
  example: { text: 'Hello again' },
  answer: messageAnswer,
  handle: (call) => act(call, { kind: 'edit', text: call.body.text }),
});

const remove = route({
  name: 'deleteMessage',
  method: 'delete',
  path: '/messages/{id}',
  summary: 'Delete an own message for everybody',
  tag,
  scope: 'write',
  params,
  answer: messageAnswer,
  handle: (call) => act(call, { kind: 'remove' }),
});

const typing = route({
  name: 'showTyping',
  method: 'post',
  path: '/conversations/{id}/typing',
  summary: 'Show that the account is writing or recording, or no longer',
  tag,
  scope: 'write',
  idempotent: true,
  params: z.object({ id: z.string().describe('The conversation.') }),
  body: z.object({ activity: z.enum(['writing', 'recording', 'stopped']).default('writing') }),
  answer: z.object({ shown: z.boolean() }),
  handle: async (call) => {
    await showTyping(call, call.params.id, call.body.activity);
    return { body: { shown: true } };
  },
});

export const messageActionRoutes = [react, edit, remove, typing];
