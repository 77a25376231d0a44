/** Encryption key of tests, so that recorded histories open again. */
export const testKey = Buffer.alloc(32, 7).toString('base64');
