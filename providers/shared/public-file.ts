import { addAbortSignal, Readable } from 'node:stream';
import axios from 'axios';
import type { ProviderFailure } from '../../domain/failures.ts';
import { isPublicHost, readAddress } from '../../domain/public-address.ts';
import type { MediaFile } from '../contract/media.ts';
import { mediaFileOf } from './download.ts';
import type { HttpAnswer } from './http.ts';
import { refused } from './outgoing.ts';
import { createPublicAgents } from './public-agents.ts';

/**
 * Fetches a file from an address that a caller named. The request and the body throw `ProviderFailure` (`request_refused`)
 * where no file comes, or not all of it; the signal ends both.
 */
export type FetchFile = (address: string, signal: AbortSignal) => Promise<MediaFile>;

/** An address inside, a closed port and an unknown name have one text: a caller must not learn what is in this network. */
const noFile = (): ProviderFailure => refused('No file came from the address.');

const mostRedirects = 3;
const ports = new Set(['', '80', '443', '8080', '8443']);

/** Files come from hosts of the internet alone: each connection is checked, also after a redirect, and none goes by a proxy. */
export function createFetchFile(agents: ReturnType<typeof createPublicAgents> = createPublicAgents()): FetchFile {
  const client = axios.create({
    ...agents,
    proxy: false,
    maxRedirects: 0,
    responseType: 'stream',
    validateStatus: () => true,
    headers: { 'accept-encoding': 'identity' },
  });
  const open = async (url: URL, signal: AbortSignal): Promise<Opened> => {
    try {
      const { status, headers, data } = await client.get<Readable>(url.href, { signal });
      return { status, headers, body: addAbortSignal(signal, data) };
    } catch {
      throw noFile();
    }
  };
  return async (address, signal) => {
    let url = fetchable(address);
    for (let hop = 0; url && hop <= mostRedirects; hop += 1) {
      const { status, headers, body } = await open(url, signal);
      if (status >= 200 && status < 300) {
        const file = mediaFileOf(headers, body);
        return { ...file, body: Readable.from(whole(file.body)) };
      }
      // Without a listener the end of the signal would be an error that nothing handles.
      body.on('error', () => undefined).destroy();
      const location = status < 400 ? headers['location'] : undefined;
      if (typeof location !== 'string') throw refused(`The address answered ${status}.`);
      url = URL.canParse(location, url.href) ? fetchable(new URL(location, url.href).href) : null;
    }
    throw noFile();
  };
}

async function* whole(body: Readable): AsyncIterable<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } catch {
    throw refused('The file broke off.');
  }
}

interface Opened {
  status: number;
  headers: HttpAnswer['headers'];
  body: Readable;
}

function fetchable(address: string): URL | null {
  const url = readAddress(address, 'url');
  return url && ports.has(url.port) && isPublicHost(url.hostname) ? url : null;
}
