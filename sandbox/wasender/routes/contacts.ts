import type { Response } from 'express';
import { z } from 'zod';
import { forSession, type Route, type SessionRoute } from '../api.ts';
import { contactList, contactsData, contactView, identity, peerFacts } from '../contact-views.ts';
import { answer, notFound, WasenderError } from '../errors.ts';
import { pictureUrl } from '../files.ts';
import {
  findGroup,
  groupJid,
  groupName,
  groupPictureSeed,
  groupTotal,
  jidOf,
  onWhatsapp,
  participants,
  type Peer,
  requirePeer,
} from '../identity.ts';
import { answerList } from '../lists.ts';
import { parseBody } from '../settings.ts';
import type { Session, State } from '../state.ts';
import { emit } from '../webhooks.ts';

const savedContact = z.looseObject({
  jid: z.string(),
  fullName: z.string().min(1).optional(),
  saveOnPrimaryAddressbook: z.boolean().optional(),
});

/** The people of one session. */
export function contactRoutes(state: State): Route[] {
  const variants = state.variants.values;
  const route = (one: Omit<SessionRoute, 'errorField' | 'linked'>): Route =>
    forSession({ bucket: 'contacts', ...one, errorField: 'error', linked: true });
  const known = ({ contacts }: Session, peer: Peer): boolean => peer.index !== null || contacts.strangers.has(peer.jid);

  const blocking = (word: 'block' | 'unblock'): Route =>
    route({
      method: 'post',
      path: `/contacts/:phone/${word}`,
      bucket: 'other',
      handle(req, res, session) {
        const { jid } = requirePeer(session.contacts, String(req.params['phone']));
        if (word === 'block') session.contacts.blocked.add(jid);
        else session.contacts.blocked.delete(jid);
        if (variants.block_answer === '204') res.status(204).send();
        else answer(res, { message: `Contact ${word}ed` });
      },
    });

  return [
    route({
      method: 'get',
      path: '/contacts',
      handle(req, res, session) {
        const nameOf = (entry: object): string => String(Object.values(entry)[0]);
        return answerList(state, req, res, { ...contactList(state, session), nameOf });
      },
    }),
    route({
      method: 'put',
      path: '/contacts',
      body: 'json',
      handle(req, res, session) {
        const { jid, fullName } = parseBody(savedContact, req.body);
        const peer = requirePeer(session.contacts, jid);
        const fresh = !known(session, peer);
        if (fresh) session.contacts.strangers.set(peer.jid, null);
        if (fullName !== undefined) session.contacts.saved.set(peer.jid, fullName);
        const event = fresh ? 'contacts.upsert' : 'contacts.update';
        emit(state, session, event, contactsData(state, [{ id: peer.jid, ...(fullName && { name: fullName }) }]));
        answer(res, { jid: peer.jid, fullName: fullName ?? null });
      },
    }),
    route({
      method: 'get',
      path: '/contacts/:phone',
      handle(req, res, session) {
        const peer = requirePeer(session.contacts, String(req.params['phone']));
        const facts = peerFacts(session.contacts, peer);
        if (known(session, peer)) return answer(res, contactView(state, facts, 'one'));
        unknown(res, { ...identity(facts, 'one', variants), name: null, notify: null, verifiedName: null });
      },
    }),
    route({
      method: 'get',
      path: '/contacts/:phone/picture',
      olderPath: '/contacts/:phone/profile-picture',
      bucket: 'picture',
      handle(req, res, session) {
        const peer = requirePeer(session.contacts, String(req.params['phone']));
        if (!onWhatsapp(peer)) return unknown(res, { imgUrl: null });
        const { pictureSeed: seed } = peerFacts(session.contacts, peer);
        answer(res, { imgUrl: seed === null ? null : pictureUrl(state, seed) });
      },
    }),
    blocking('block'),
    blocking('unblock'),
    route({
      method: 'get',
      path: '/on-whatsapp/:phone',
      bucket: 'on_whatsapp',
      handle(req, res, session) {
        answer(res, { exists: onWhatsapp(requirePeer(session.contacts, String(req.params['phone']))) });
      },
    }),
    route({
      method: 'get',
      path: '/lid-from-pn/:pn',
      bucket: 'other',
      handle(req, res, session) {
        const peer = requirePeer(session.contacts, String(req.params['pn']));
        answer(res, { lid: onWhatsapp(peer) ? peer.lid : null });
      },
    }),
    route({
      method: 'get',
      path: '/pn-from-lid/:lid',
      bucket: 'other',
      handle(req, res, session) {
        const { phone } = requirePeer(session.contacts, String(req.params['lid']));
        answer(res, { pn: variants.lid_translates ? `${phone}@s.whatsapp.net` : null });
      },
    }),
  ];

  function unknown(res: Response, nulls: object): void {
    if (variants.unknown_contact === 'nulls') return answer(res, nulls);
    if (variants.unknown_contact === '404') throw notFound('Contact');
    throw new WasenderError(200, 'Contact not found');
  }
}

/** Groups of one session, to be read. */
export function groupRoutes(state: State): Route[] {
  const route = (one: Omit<SessionRoute, 'method' | 'linked'>): Route =>
    forSession({ ...one, method: 'get', linked: true });
  return [
    route({
      path: '/groups',
      handle(req, res, { contacts }) {
        const at = (group: number): object => ({
          id: groupJid(contacts, group),
          name: groupName(group),
          imgUrl: pictureUrl(state, groupPictureSeed(contacts, group)),
        });
        const nameOf = (entry: object): string => String(Object.values(entry)[0]);
        return answerList(state, req, res, { total: groupTotal(contacts), at, nameOf });
      },
    }),
    route({
      path: '/groups/:jid/metadata',
      bucket: 'group',
      handle(req, res, { contacts, linked, createdAt }) {
        const group = findGroup(contacts, String(req.params['jid']));
        const members = participants(contacts, group);
        answer(res, {
          id: groupJid(contacts, group),
          subject: groupName(group),
          owner: jidOf(linked!.phone),
          creation: Math.floor(createdAt / 1000),
          desc: null,
          size: members.length + 1,
          participants: [{ id: jidOf(linked!.phone), admin: 'superadmin' }, ...members],
        });
      },
    }),
    route({
      path: '/groups/:jid/participants',
      bucket: 'group',
      handle(req, res, { contacts, linked }) {
        const members = participants(contacts, findGroup(contacts, String(req.params['jid'])));
        answer(res, [{ id: jidOf(linked!.phone), admin: 'superadmin' }, ...members]);
      },
    }),
    route({
      path: '/groups/:jid/picture',
      bucket: 'picture',
      handle(req, res, { contacts }) {
        const group = findGroup(contacts, String(req.params['jid']));
        answer(res, { imgUrl: pictureUrl(state, groupPictureSeed(contacts, group)) });
      },
    }),
    route({
      path: '/groups/:jid/invite-link',
      handle(req, res, { contacts }) {
        const group = findGroup(contacts, String(req.params['jid']));
        const code = groupPictureSeed(contacts, group).toString(36).padStart(8, 'x');
        res.json({ success: true, inviteLink: `https://chat.whatsapp.com/${code}` });
      },
    }),
  ];
}
