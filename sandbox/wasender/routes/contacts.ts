import type { Response } from 'express';
import { z } from 'zod';
import { jsonBody } from '../../server/api.ts';
import { answer, type Route, sessionRouter } from '../api.ts';
import { contactList, contactsData, contactView, contactKeys, contactFacts } from '../contact-views.ts';
import { notFound, WasenderError } from '../errors.ts';
import { pictureUrl } from '../files.ts';
import { groupFacts, groupList, groupMetadata } from '../groups.ts';
import { onWhatsapp, type Identity, requireIdentity } from '../identity.ts';
import { answerList } from '../lists.ts';
import { parseBody } from '../settings.ts';
import type { Session, State } from '../state.ts';
import { emit } from '../webhooks.ts';

const savedContact = z.looseObject({
  jid: z.string(),
  fullName: z.string().min(1).optional(),
  saveOnPrimaryAddressbook: z.boolean().optional(),
});

export function contactRoutes(state: State): Route[] {
  const variants = state.variants.values;
  const route = sessionRouter(state, { bucket: 'contacts', errorField: 'error', linked: true });
  const known = ({ contacts }: Session, identity: Identity): boolean =>
    identity.index !== null || contacts.unlisted.has(identity.jid);

  const blocking = (word: 'block' | 'unblock'): Route =>
    route(`POST /contacts/:phone/${word}`, { bucket: 'other' }, (req, res, session) => {
      const { jid } = requireIdentity(session.contacts, req.params['phone']!);
      if (word === 'block') session.contacts.blocked.add(jid);
      else session.contacts.blocked.delete(jid);
      if (variants.block_answer === '204') res.status(204).send();
      else answer(res, { message: `Contact ${word}ed` });
    });

  return [
    route('GET /contacts', (req, res, session) => {
      const nameOf = (entry: object): string => String(Object.values(entry)[0]);
      return answerList(state, req, res, { ...contactList(state, session), nameOf });
    }),
    route('PUT /contacts', { body: jsonBody }, (req, res, session) => {
      const { jid, fullName } = parseBody(savedContact, req.body);
      const identity = requireIdentity(session.contacts, jid);
      const fresh = !known(session, identity);
      if (fresh) session.contacts.unlisted.set(identity.jid, null);
      if (fullName !== undefined) session.contacts.saved.set(identity.jid, fullName);
      const event = fresh ? 'contacts.upsert' : 'contacts.update';
      emit(state, session, event, contactsData(state, [{ id: identity.jid, ...(fullName && { name: fullName }) }]));
      answer(res, { jid: identity.jid, fullName: fullName ?? null });
    }),
    route('GET /contacts/:phone', (req, res, session) => {
      const identity = requireIdentity(session.contacts, req.params['phone']!);
      const facts = contactFacts(session.contacts, identity);
      if (known(session, identity)) return answer(res, contactView(state, facts, 'one'));
      unknown(res, { ...contactKeys(facts, 'one', variants), name: null, notify: null, verifiedName: null });
    }),
    route(
      'GET /contacts/:phone/picture',
      { olderPath: '/contacts/:phone/profile-picture', bucket: 'picture' },
      (req, res, session) => {
        const identity = requireIdentity(session.contacts, req.params['phone']!);
        if (!onWhatsapp(identity)) return unknown(res, { imgUrl: null });
        const { pictureSeed: seed } = contactFacts(session.contacts, identity);
        answer(res, { imgUrl: seed === null ? null : pictureUrl(state, seed) });
      },
    ),
    blocking('block'),
    blocking('unblock'),
    route('GET /on-whatsapp/:phone', { bucket: 'on_whatsapp' }, (req, res, session) => {
      answer(res, { exists: onWhatsapp(requireIdentity(session.contacts, req.params['phone']!)) });
    }),
    route('GET /lid-from-pn/:pn', { bucket: 'other' }, (req, res, session) => {
      const identity = requireIdentity(session.contacts, req.params['pn']!);
      answer(res, { lid: onWhatsapp(identity) ? identity.lid : null });
    }),
    route('GET /pn-from-lid/:lid', { bucket: 'other' }, (req, res, session) => {
      const { phone } = requireIdentity(session.contacts, req.params['lid']!);
      answer(res, { pn: variants.lid_translates ? `${phone}@s.whatsapp.net` : null });
    }),
  ];

  function unknown(res: Response, nulls: object): void {
    if (variants.unknown_contact === 'nulls') return answer(res, nulls);
    if (variants.unknown_contact === '404') throw notFound('Contact');
    throw new WasenderError(200, 'Contact not found');
  }
}

export function groupRoutes(state: State): Route[] {
  const route = sessionRouter(state, { linked: true });
  return [
    route('GET /groups', (req, res, session) => {
      const { total, at: jidAt } = groupList(session);
      const at = (place: number): object => {
        const { jid, name, pictureSeed } = groupFacts(session, jidAt(place));
        return { id: jid, name, imgUrl: pictureUrl(state, pictureSeed) };
      };
      const nameOf = (entry: object): string => String(Object.values(entry)[0]);
      return answerList(state, req, res, { total, at, nameOf });
    }),
    route('GET /groups/:jid/metadata', { bucket: 'group' }, (req, res, session) =>
      answer(res, groupMetadata(session, groupFacts(session, req.params['jid']!))),
    ),
    route('GET /groups/:jid/participants', { bucket: 'group' }, (req, res, session) =>
      answer(res, groupFacts(session, req.params['jid']!).participants),
    ),
    route('GET /groups/:jid/picture', { bucket: 'picture' }, (req, res, session) => {
      const { pictureSeed } = groupFacts(session, req.params['jid']!);
      answer(res, { imgUrl: pictureUrl(state, pictureSeed) });
    }),
    route('GET /groups/:jid/invite-link', (req, res, session) => {
      const { pictureSeed } = groupFacts(session, req.params['jid']!);
      const code = pictureSeed.toString(36).padStart(8, 'x');
      res.json({ success: true, inviteLink: `https://chat.whatsapp.com/${code}` });
    }),
  ];
}
