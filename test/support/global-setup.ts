import type { Config } from 'jest';
import { startTestParts } from '../../dev/parts/test-parts.ts';

/** Folders whose tests need neither PostgreSQL nor Temporal. */
const WITHOUT_PARTS = ['test/domain', 'test/dev', 'test/providers/unipile', 'test/providers/wasender', 'test/sandbox'];

declare global {
  var patchbayTestParts: { stop: () => Promise<void> } | undefined;
}

/** Starts one PostgreSQL and one Temporal for the whole run, unless no test of it needs them. */
export default async function setup({ testPathPatterns }: { testPathPatterns?: { patterns: string[] } } & Config) {
  const asked = testPathPatterns?.patterns ?? [];
  const needless =
    asked.length > 0 && asked.every((path) => WITHOUT_PARTS.some((folder) => `${path}/`.startsWith(`${folder}/`)));
  if (needless || process.env.PATCHBAY_TEST_NO_PARTS === '1') return;
  globalThis.patchbayTestParts = await startTestParts(process.env);
}
