import { answer } from '../answers.ts';
import { findGroup, groupJid, groupName, groupPictureSeed, groupTotal, participants } from '../groups.ts';
import { forSession, type Route, type SessionRoute } from '../http.ts';
import { answerList } from '../lists.ts';
import { jidOf } from '../peer.ts';
import { pictureUrl } from '../pictures.ts';
import type { State } from '../state.ts';

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
