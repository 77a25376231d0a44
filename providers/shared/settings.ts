import { readAddress } from '../../domain/public-address.ts';

/** Host names that are this machine, as URLs have them. */
export const thisMachine = ['127.0.0.1', 'localhost', '[::1]'];

/** An address that keys may be sent to: https, or http on this machine. Null for anything else. */
export function secureUrl(text: string, kind: 'url' | 'host' = 'url'): URL | null {
  const url = readAddress(text, kind);
  const secure = url?.protocol === 'https:' || thisMachine.includes(url?.hostname ?? '');
  return secure ? url : null;
}

export const isHeaderText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);
