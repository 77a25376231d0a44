import { parentPort } from 'node:worker_threads';
import { providers } from '../../providers/providers.ts';
import { readRequest } from './read-request.ts';
import type { ThreadAnswer, ThreadRequest } from './request-reader.ts';

parentPort?.on('message', ({ id, provider, request, sender }: ThreadRequest) => {
  const known = providers[provider as keyof typeof providers];
  if (!known) throw new Error(`There is no provider ${provider}.`);
  // A buffer arrives as an array of bytes.
  const raw = Buffer.from(request.raw);
  const read = readRequest(known, { ...request, raw }, sender);
  parentPort?.postMessage({ id, read } satisfies ThreadAnswer);
});
