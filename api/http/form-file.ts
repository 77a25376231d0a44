import type { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import multer from 'multer';
import { Problem } from '../../services/problem.ts';

/** A file while it arrives. The reader of `body` ends or destroys it. */
export interface IncomingFile {
  body: Readable;
  /** As the form says, without parameters. */
  mimeType: string;
  fileName: string | null;
}

/** The part of a form that holds its file. */
export const fileField = 'file';
/** For all of a form that is not its file, in bytes. */
const formBytes = 64 * 1024;

/**
 * The one file of a `multipart/form-data` body, given to `take` while it arrives: of the whole body at most `limit` bytes
 * and the form around them are read. 413: an announced body is refused before any of it is read, another one at the limit.
 * 415 for a compressed one and for another content type. Multer's own errors come only after the rest of the request.
 */
export async function readFormFile<T>(
  request: Request,
  response: Response,
  limit: number,
  take: (file: IncomingFile) => Promise<T>,
): Promise<T> {
  const tooLarge = (): Problem => new Problem('too_large', `The file may be ${limit} bytes long, no longer.`);
  if ((request.headers['content-encoding'] ?? 'identity').trim().toLowerCase() !== 'identity')
    throw new Problem('unsupported_encoding', undefined, { fix: 'Send the file uncompressed.' });
  if (!/^multipart\/form-data\s*;/i.test(request.headers['content-type'] ?? ''))
    throw new Problem('unsupported_type', undefined, { fix: `Send multipart/form-data with the part "${fileField}".` });
  if (Number(request.headers['content-length'] ?? 0) > limit + formBytes) throw tooLarge();
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();

  const broken = Promise.withResolvers<never>();
  let body: Readable | undefined;
  let taken: Promise<T> | undefined;
  const fail = (problem: unknown): void => {
    request.unpipe();
    body?.destroy(problem instanceof Error ? problem : new Error('The file could not be taken.'));
    broken.reject(problem);
  };
  const read = multer({
    storage: {
      _handleFile: (_request, file, done) => {
        body = file.stream;
        const { mimetype, originalname } = file;
        taken = take({ body, mimeType: plainType(mimetype), fileName: originalname === '' ? null : originalname });
        taken.then(() => process.nextTick(done, null, {}), fail);
      },
      _removeFile: (_request, _file, done) => done(null),
    },
    limits: { files: 1, fields: 0, parts: 1, headerPairs: 20 },
    defParamCharset: 'utf8',
  }).single(fileField);

  let size = 0;
  request.on('data', (part: Buffer) => {
    size += part.length;
    if (size > limit + formBytes) fail(tooLarge());
  });
  request.once('close', () => {
    if (!request.complete) fail(new Problem('malformed_request', 'The body ended before it was complete.'));
  });
  const parsed = new Promise<void>((resolve, reject) => {
    read(request, response, (error: unknown) => (error ? reject(problemOf(error)) : resolve()));
  });
  await Promise.race([parsed, broken.promise]);
  if (!taken) throw new Problem('invalid_request', `${fileField}: is missing.`);
  return taken;
}

const plainType = (type: string): string => (type.split(';')[0] ?? '').trim().toLowerCase();

const problemOf = (error: unknown): Problem =>
  error instanceof multer.MulterError
    ? new Problem('invalid_request', `${fileField}: must be the only part of the form, and have a file name.`)
    : new Problem('malformed_request', 'The form cannot be read.');
