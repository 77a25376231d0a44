const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/;
const TIMEOUT_MS = 10_000;
const LARGEST = 100 * 1024 * 1024;

/**
 * A file that a message names by address; null when it cannot be had. The sandbox asks this machine alone: a file from
 * elsewhere counts as fetched, and is empty.
 */
export async function fetchFile(address: string): Promise<{ bytes: Buffer; mimetype: string } | null> {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  if (!LOOPBACK.test(url.hostname)) return { bytes: Buffer.alloc(0), mimetype: 'application/octet-stream' };
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok || bytes.length > LARGEST) return null;
    const mimetype = answer.headers.get('content-type')?.split(';')[0] ?? 'application/octet-stream';
    return { bytes, mimetype };
  } catch {
    return null;
  }
}
