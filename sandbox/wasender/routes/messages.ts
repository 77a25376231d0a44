import type { Request } from 'express';
import { z } from 'zod';
import { fileBody, jsonBody } from '../../server/api.ts';
import { answer, type Route, sessionRouter } from '../api.ts';
import { chatAddress, readUpTo } from '../chats.ts';
import { invalid, notFound, WasenderError } from '../errors.ts';
import { publish } from '../files.ts';
import { deleteMessage, editMessage, getMessage, messageKey } from '../messages.ts';
import { requireChangeable, resend, send, sendBody } from '../send.ts';
import { parseBody } from '../settings.ts';
import type { State } from '../state.ts';

const key = z.looseObject({ id: z.string(), remoteJid: z.string(), fromMe: z.boolean() });
const presence = z.looseObject({
  jid: z.string(),
  type: z.enum(['composing', 'recording', 'available', 'unavailable', 'paused']),
  delayMs: z.number().min(0).optional(),
});

export function messageRoutes(state: State): Route[] {
  const route = sessionRouter(state, { linked: true });
  return [
    route('POST /send-message', { bucket: 'send', body: jsonBody }, (req, res, session) => {
      const { msgId, jid } = send(state, session, parseBody(sendBody, req.body));
      if (state.variants.values.send_answer === 'data') answer(res, { msgId, jid, status: 'in_progress' });
      else res.json({ success: true, message: 'Message accepted' });
    }),
    route('PUT /messages/:id', { body: jsonBody }, (req, res, session) => {
      const { text } = parseBody(z.looseObject({ text: z.string().min(1) }), req.body);
      const message = requireChangeable(state, session, req.params['id']!);
      editMessage(state, session, message, text);
      answer(res, { msgId: message.msgId, jid: message.jid, status: 'in_progress' });
    }),
    route('DELETE /messages/:id', (req, res, session) => {
      const message = requireChangeable(state, session, req.params['id']!);
      deleteMessage(state, session, message);
      res.json({ success: true, message: 'Message deleted' });
    }),
    route('GET /messages/:id/info', (req, res, session) => {
      const message = getMessage(session, req.params['id']!);
      answer(res, {
        remoteJid: chatAddress(state, session, message.jid),
        id: message.keyId,
        msgId: message.msgId,
        key: messageKey(state, session, message),
        message: message.content,
        messageTimestamp: String(Math.floor(message.ts / 1000)),
        status: message.status,
      });
    }),
    route('POST /messages/read', { body: jsonBody }, (req, res, session) => {
      const body = parseBody(z.looseObject({ key }), req.body);
      readUpTo(state, session, getMessage(session, body.key.id));
      answer(res, { status: 'read' });
    }),
    route('POST /messages/:id/resend', (req, res, session) => {
      resend(state, session, getMessage(session, req.params['id']!));
      res.json({ success: true, message: 'Message is sent again' });
    }),
    route('POST /send-presence-update', { body: jsonBody }, (req, res) => {
      parseBody(presence, req.body);
      res.json({ success: true, message: 'Presence updated' });
    }),
  ];
}

const MB = 1024 * 1024;
/** By family; anything else counts as a document. */
const CEILING: Record<string, number> = { image: 16 * MB, video: 50 * MB, audio: 16 * MB };
const DOCUMENT = 100 * MB;
const STICKER = 5 * MB;

const base64Body = z.looseObject({ base64: z.string().min(1), mimetype: z.string().optional() });

export function mediaRoutes(state: State): Route[] {
  const route = sessionRouter(state);
  return [
    route('POST /upload', { body: fileBody }, (req, res) => {
      const file = readUpload(req);
      const family = file.mimetype.split('/')[0]!;
      const ceiling = file.mimetype === 'image/webp' ? STICKER : (CEILING[family] ?? DOCUMENT);
      if (file.bytes.length > ceiling) throw new WasenderError(422, 'The file is too large.');
      res.json({ success: true, publicUrl: publish(state, 'upload', file) });
    }),
    route('POST /decrypt-media', { body: jsonBody }, (req, res) => {
      const key = mediaKeyIn(req.body);
      if (key === null) throw invalid('No media was found in this message.');
      const file = state.media.get(key);
      if (!file) throw notFound('Media');
      res.json({ success: true, publicUrl: publish(state, 'decrypted', file) });
    }),
  ];
}

function readUpload(req: Request): { bytes: Buffer; mimetype: string } {
  if (Buffer.isBuffer(req.body)) {
    if (req.body.length === 0) throw invalid('The file is empty.');
    return { bytes: req.body, mimetype: req.headers['content-type'] ?? 'application/octet-stream' };
  }
  const { base64, mimetype } = parseBody(base64Body, req.body);
  const [, inline, data = base64] = /^data:([^;]+);base64,(.*)$/s.exec(base64) ?? [];
  return { bytes: Buffer.from(data, 'base64'), mimetype: mimetype ?? inline ?? 'application/octet-stream' };
}

/** A received message's media block may be sent whole, or wrapped as the event had it. */
function mediaKeyIn(body: unknown): string | null {
  if (body === null || typeof body !== 'object') return null;
  for (const [name, value] of Object.entries(body)) {
    if (name === 'mediaKey' && typeof value === 'string') return value;
    const inner = mediaKeyIn(value);
    if (inner !== null) return inner;
  }
  return null;
}
