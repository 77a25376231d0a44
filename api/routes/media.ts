import { z } from 'zod';
import { keepUpload, largestUpload, uploadKeptForMs } from '../../services/media/keep-upload.ts';
import { time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';

const mediaAnswer = z
  .object({
    id: z.string().describe('What a message names as media_id. The same bytes have one id.'),
    mime_type: z.string().nullable().describe('Null: the form did not say.'),
    size: z.number().int().describe('In bytes.'),
    file_name: z.string().nullable().describe('As the form says; a message names it anew.'),
    kept_until: time.describe('Until then it is kept where no message has it; a message keeps it.'),
  })
  .meta({ id: 'Media' });

const upload = route({
  name: 'uploadMedia',
  method: 'post',
  path: '/media',
  summary: 'Store a file once, for messages that are to be sent with it',
  tag: 'messages',
  scope: 'write',
  takesFile: true,
  answer: mediaAnswer,
  status: 201,
  handle: ({ context, principal, receiveFile }) =>
    receiveFile(largestUpload(context.providers), async (file, confirm) => {
      const { id, contentType, size } = await keepUpload(context, principal.tenantId, file, confirm);
      return {
        body: {
          id,
          mime_type: contentType,
          size,
          file_name: file.fileName,
          kept_until: wireTime(new Date(context.clock.now().getTime() + uploadKeptForMs)),
        },
      };
    }),
});

export const mediaRoutes = [upload];
