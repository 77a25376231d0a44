const thisMachine = ['127.0.0.1', 'localhost', '[::1]'];

/** An address that keys may be sent to: https, or http on this machine. Null for anything else. */
export function secureUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && thisMachine.includes(url.hostname));
  return secure ? url : null;
}

/** Whether a text can go into a header as it is. */
export const isHeaderText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);
