import type { Messages } from '../provider.ts';

const mb = 1024 * 1024;

/** Limits of files by WASender's documentation; where its sources differ, the smaller one. Limits of texts are WhatsApp's. */
export const capabilities: Messages['capabilities'] = {
  whatsapp: {
    textLimit: 65_536,
    captionLimit: 1_024,
    attachments: {
      image: { maxBytes: 5 * mb, types: ['image/jpeg', 'image/png'] },
      video: { maxBytes: 16 * mb, types: ['video/*'] },
      audio: { maxBytes: 16 * mb, types: ['audio/*'], withoutText: true },
      document: { maxBytes: 100 * mb },
      sticker: { maxBytes: 100 * 1024, types: ['image/webp'], withoutText: true },
    },
    attachmentsPerMessage: 1,
    reply: true,
    react: false,
    // A short time, by the documentation.
    edit: { withinMs: null },
    remove: { withinMs: null },
    typing: 'alone',
    markRead: true,
    receipts: { delivered: true, read: true },
    groups: true,
    startBy: ['phone', 'identity', 'handle'],
  },
};
