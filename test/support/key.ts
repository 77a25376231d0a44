/** The tests' encryption key: fixed, because it decrypts recorded histories. */
export const testKey = Buffer.alloc(32, 7).toString('base64');
