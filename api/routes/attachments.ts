import { z } from 'zod';
import { attachmentFile } from '../../services/media/attachment-file.ts';
import { fetching, fileOrLater, patienceOf, waitQuery } from '../views/file.ts';
import { route } from '../http/route.ts';

const getContent = route({
  name: 'getAttachmentContent',
  method: 'get',
  path: '/attachments/{id}/content',
  summary: 'Read the file of an attachment; one that is not here yet is fetched at once',
  tag: 'messages',
  scope: 'read',
  file: true,
  params: z.object({ id: z.string().describe('The attachment.') }),
  query: waitQuery,
  answer: fetching,
  handle: async ({ context, principal: { tenantId }, params: { id }, query, gone }) =>
    fileOrLater(context, await attachmentFile(context, { tenantId, id }, patienceOf(query, gone))),
});

export const attachmentRoutes = [getContent];
