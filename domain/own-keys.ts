/** Begins the keys that we give ourselves. */
export const ownPrefix = 'patchbay:';

/** The key of a message that its provider does not know yet; a provider may carry it as our reference. */
export const ownKey = (messageId: string): string => ownPrefix + messageId;

const messageKey = /^patchbay:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a reference that came back is one of our messages': other apps give references of their own. */
export const isOwnMessageKey = (text: string): boolean => messageKey.test(text);
