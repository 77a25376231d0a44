import { addAbortSignal, type Readable } from 'node:stream';
import axios from 'axios';
import { ProviderFailure } from '../../domain/failures.ts';
import { readAddress } from '../../domain/public-address.ts';
import type { Reach } from '../contract/call.ts';
import type { MediaFile } from '../contract/media.ts';
import { networkFailure } from './errors.ts';
import { connectionTo, timeoutMs, type HttpAnswer } from './http.ts';
import { countIn } from './told-values.ts';

/** A large file on a slow line; the reader's own signal may end it earlier. */
const longestMs = 15 * 60_000;
const mostRedirects = 3;
/** Of the body of an answer without a file. */
const largestError = 64 * 1024;

interface FileRequest {
  url: string;
  /** Sent to the provider's own address alone. */
  headers: Readonly<Record<string, string>>;
  /** The provider's own address: scheme, host and port. It is reached as `reach` says. */
  origin: string;
  reach: Reach;
  signal?: AbortSignal;
}

/** A file, or the whole answer where there is none. */
type FileAnswer = { file: MediaFile } | { refusal: HttpAnswer };

/**
 * Fetches files of one provider (`title`, for messages): from its own address, and from `hosts` and the hosts below them
 * by https, where these are hosts of the internet. A redirect is followed within the same rules. A file is at most
 * `largestFile` bytes: its body fails beyond. Throws `request_refused` for another address, and `provider_unavailable`
 * where no answer came.
 */
export function createDownload(
  title: string,
  hosts: readonly string[],
  largestFile: number,
): (request: FileRequest) => Promise<FileAnswer> {
  const client = axios.create({
    timeout: timeoutMs,
    maxContentLength: largestFile,
    maxRedirects: 0,
    responseType: 'stream',
    validateStatus: () => true,
  });

  const open = async (url: URL, { headers, origin, reach, signal }: FileRequest): Promise<Opened> => {
    const isOwn = url.origin === origin;
    const isListed = url.protocol === 'https:' && url.port === '' && hosts.some((host) => isBelow(url.hostname, host));
    if (!isOwn && !isListed) throw new ProviderFailure('request_refused', `The file's address is not ${title}'s.`);
    const ends = [AbortSignal.timeout(longestMs), ...(signal ? [signal] : [])];
    const until = AbortSignal.any(ends);
    try {
      const answer = await client.get<Readable>(url.href, {
        headers: { 'accept-encoding': 'identity', ...(isOwn && headers) },
        signal: until,
        ...connectionTo(url.href, isOwn ? reach : 'public'),
      });
      return { status: answer.status, headers: answer.headers, body: addAbortSignal(until, answer.data) };
    } catch (error) {
      throw networkFailure(title, error, 'none');
    }
  };

  return async (request) => {
    let url = readAddress(request.url, 'url');
    for (let hop = 0; url && hop <= mostRedirects; hop += 1) {
      const { status, headers, body } = await open(url, request);
      if (status >= 200 && status < 300) return { file: mediaFileOf(headers, body) };
      const location = status < 400 ? headers['location'] : undefined;
      if (typeof location !== 'string') return { refusal: { status, headers, data: await readError(body) } };
      body.destroy();
      url = URL.canParse(location, url.href) ? readAddress(new URL(location, url.href).href, 'url') : null;
    }
    throw new ProviderFailure('request_refused', `The file's address is not ${title}'s.`);
  };
}

interface Opened {
  status: number;
  headers: HttpAnswer['headers'];
  body: Readable;
}

const isBelow = (hostname: string, host: string): boolean => hostname === host || hostname.endsWith(`.${host}`);

/** A file as the headers of its answer describe it. */
export function mediaFileOf(headers: HttpAnswer['headers'], body: Readable): MediaFile {
  const said = headers['content-type'];
  const type = typeof said === 'string' ? (said.split(';')[0] ?? '').trim().toLowerCase() : '';
  const isWhole = headers['content-encoding'] === undefined;
  return {
    body,
    mimeType: /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}$/.test(type) ? type : null,
    size: isWhole ? countIn(headers['content-length']) : null,
  };
}

/** JSON where the body is, else its beginning as text. */
async function readError(body: Readable): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size > largestError) break;
    }
  } catch {
    // What came of the body says enough: the status counts.
  }
  const text = Buffer.concat(parts).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
