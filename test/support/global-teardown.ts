import './global-setup.ts';

/** Ends what global-setup started. */
export default async function teardown(): Promise<void> {
  await globalThis.patchbayTestParts?.stop();
}
