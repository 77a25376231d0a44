import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { Messages } from '../provider.ts';

const mb = 1024 * 1024;

const common = {
  reply: true,
  react: true,
  edit: null,
  remove: null,
  typing: 'alone',
  markRead: true,
  receipts: { delivered: true, read: true },
  groups: false,
} as const satisfies Partial<MessageCapabilities>;

/** Messenger and Instagram take a text or files, never both in one message; a human may answer for seven days. */
const onPages = {
  ...common,
  quickReplies: { most: 13, titleLimit: 20 },
  startBy: ['identity'],
  window: { hours: 24, wayOut: { tags: [{ name: 'HUMAN_AGENT', hours: 7 * 24 }] } },
} as const satisfies Partial<MessageCapabilities>;

const alone = { withoutText: true, alone: true } as const;
/** What Messenger takes, whatever its kind. */
const file = { maxBytes: 25 * mb, ...alone };

/** By Meta's documentation (November 2026). */
export const capabilities: Messages['capabilities'] = {
  messenger: {
    ...onPages,
    textLimit: 2_000,
    captionLimit: 2_000,
    attachments: {
      image: { ...file, types: ['image/*'] },
      video: { ...file, types: ['video/*'] },
      audio: { ...file, types: ['audio/*'] },
      document: file,
    },
    attachmentsPerMessage: 1,
  },
  instagram: {
    ...onPages,
    textLimit: 1_000,
    captionLimit: 1_000,
    receipts: { delivered: false, read: true },
    attachments: {
      image: { maxBytes: 8 * mb, types: ['image/png', 'image/jpeg', 'image/gif'], withoutText: true },
      video: {
        maxBytes: 25 * mb,
        types: ['video/mp4', 'video/ogg', 'video/x-msvideo', 'video/quicktime', 'video/webm'],
        ...alone,
      },
      audio: {
        maxBytes: 25 * mb,
        types: ['audio/aac', 'audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/wav', 'audio/x-wav', 'audio/wave'],
        ...alone,
      },
      document: { maxBytes: 25 * mb, types: ['application/pdf'], ...alone },
    },
    attachmentsPerMessage: 10,
  },
  whatsapp: {
    ...common,
    textLimit: 4_096,
    captionLimit: 1_024,
    attachments: {
      image: { maxBytes: 5 * mb, types: ['image/jpeg', 'image/png'] },
      video: { maxBytes: 16 * mb, types: ['video/mp4', 'video/3gpp'] },
      audio: {
        maxBytes: 16 * mb,
        types: ['audio/aac', 'audio/mp4', 'audio/mpeg', 'audio/amr', 'audio/ogg'],
        withoutText: true,
      },
      document: { maxBytes: 100 * mb },
      sticker: { maxBytes: 500 * 1024, types: ['image/webp'], withoutText: true },
    },
    attachmentsPerMessage: 1,
    startBy: ['phone', 'identity'],
    templates: true,
    quickReplies: { most: 3, titleLimit: 20 },
    window: { hours: 24, wayOut: { template: true } },
  },
};
