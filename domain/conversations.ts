export type ConversationKind = 'person' | 'group' | 'channel';
