import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder for the bytes of media; its maker removes it. */
export const makeMediaFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'patchbay-media-'));
