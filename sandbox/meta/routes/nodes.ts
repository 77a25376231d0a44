import { canSee } from '../access.ts';
import { findApp } from '../apps.ts';
import { noObject, invalidParameter, MetaError } from '../errors.ts';
import { mediaUrl, sha256 } from '../files.ts';
import { graphRoute, tokenIn, type Call, type Route } from '../graph/call.ts';
import { isReadable, messageNode, threadNode } from '../message-views.ts';
import { findAsset, type State } from '../state.ts';
import { personOfToken } from '../tokens.ts';
import type { Asset, Token } from '../types.ts';
import { contactNode, instagramNode, numberNode, pageNode, showNode, userNode, wabaNode, type Node } from '../views.ts';
import { appNode, saveApp } from './apps.ts';
import { templateNode } from './templates.ts';
import { saveNumber } from './whatsapp.ts';

/** `GET /{id}` of every kind of object, several at once by `ids`, and what is changed or deleted by its id alone. */
export const nodeRoutes = (state: State): Route[] => [
  graphRoute('GET /', (call) => {
    const ids = call.params.list('ids');
    if (ids.length === 0) throw invalidParameter('The parameter ids is required.');
    return Object.fromEntries(ids.map((id) => [id, show(state, { ...call, node: id })]));
  }),
  graphRoute('GET /:node', (call) => show(state, call)),
  graphRoute('POST /:node', async (call) => {
    if (findApp(state, call.node)) return saveApp(state, call);
    if (state.world.numbers.has(call.node)) return saveNumber(state, call);
    throw noObject(call.method, call.node);
  }),
  graphRoute('DELETE /:node', (call) => {
    const media = state.world.media.get(call.node);
    if (!media || tokenIn(call).kind !== 'system_user') throw noObject(call.method, call.node);
    state.world.media.delete(call.node);
    return { success: true };
  }),
];

function show(state: State, call: Call): object {
  const node = nodeOf(state, call);
  return showNode(node, call.params.text('fields'));
}

function nodeOf(state: State, call: Call): Node {
  const token = tokenIn(call);
  const { node: id } = call;
  if (id === 'me') return ownNode(state, call, token);
  const asset = findAsset(state, id);
  if (asset && (canSee(token, asset) || token.kind === 'app')) return assetNode(state, asset, token);
  const person = personOfToken(state, token);
  if (person?.id === id) return userNode(state, person, token);
  const { world } = state;
  const waba = world.wabas.get(id);
  if (waba && token.kind === 'system_user') return wabaNode(waba);
  const thread = world.threads.get(id);
  if (thread && canSee(token, thread.asset)) return threadNode(state, thread, token.value);
  const message = world.messages.get(id);
  if (message && message.asset.channel !== 'whatsapp' && canSee(token, message.asset)) {
    if (isReadable(state, message, message.message)) return messageNode(state, message, message.message);
    throw new MetaError(100, '(#100) The message has been deleted and is no longer available');
  }
  const app = findApp(state, id);
  if (app) return appNode(app);
  return fileNode(state, call, token) ?? templateNode(state, id) ?? profileNode(state, id, token) ?? missing(call);
}

function ownNode(state: State, call: Call, token: Token): Node {
  const asset = token.kind === 'page' || token.kind === 'instagram' ? findAsset(state, token.assetId ?? '') : null;
  if (asset) return assetNode(state, asset, token);
  const person = personOfToken(state, token);
  if (person) return userNode(state, person, token);
  if (token.kind !== 'system_user') return missing(call);
  return { view: { id: token.userId, name: 'Patchbay sandbox system user' }, defaults: ['name', 'id'], type: 'User' };
}

function assetNode(state: State, asset: Asset, token: Token): Node {
  if (asset.channel === 'messenger') return pageNode(state, asset, token);
  return asset.channel === 'instagram' ? instagramNode(state, asset, token) : numberNode(asset);
}

/** WhatsApp's media: an address that counts for minutes. */
function fileNode(state: State, call: Call, token: Token): Node | null {
  const media = state.world.media.get(call.node);
  if (!media || media.until <= state.shared.clock.now() || token.kind !== 'system_user') return null;
  const view = {
    messaging_product: 'whatsapp',
    url: mediaUrl(state, media),
    mime_type: media.mimetype,
    sha256: sha256(media.bytes),
    file_size: media.bytes?.length ?? 0,
    id: media.id,
  };
  return { view, defaults: Object.keys(view), type: 'WhatsAppMedia' };
}

/** A person who wrote to what the token is of. */
function profileNode(state: State, id: string, token: Token): Node | null {
  const own = findAsset(state, token.assetId ?? '');
  const linked = own?.channel === 'messenger' ? state.world.instagrams.get(own.instagramId ?? '') : undefined;
  for (const asset of [own, linked]) {
    const contact = asset?.threads.get(id)?.contact;
    if (asset && contact && asset.channel !== 'whatsapp') return contactNode(state, contact, asset.channel, token);
  }
  return null;
}

function missing(call: Call): never {
  throw noObject(call.method, call.node);
}
