import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { Messages } from '../provider.ts';

/** UniPile's ceiling for each file, whatever its kind. */
const file = { maxBytes: 26_214_400 };

const common = {
  attachments: { image: file, video: file, audio: file, document: file },
  attachmentsPerMessage: 10,
  reply: true,
  react: false,
  edit: null,
  remove: null,
  typing: null,
  markRead: true,
  receipts: { delivered: true, read: true },
  groups: true,
  startBy: ['identity', 'handle'],
} as const satisfies Partial<MessageCapabilities>;

/** UniPile publishes no limits of texts: these are the channels' own. */
const text = (textLimit: number, captionLimit = textLimit) => ({ textLimit, captionLimit });

export const capabilities: Messages['capabilities'] = {
  whatsapp: { ...common, ...text(65_536, 1_024), typing: 'with_message', startBy: ['phone', 'identity'] },
  telegram: { ...common, ...text(4_096, 1_024) },
  linkedin: { ...common, ...text(8_000), receipts: { delivered: false, read: true } },
  instagram: { ...common, ...text(1_000) },
  messenger: { ...common, ...text(20_000) },
};
