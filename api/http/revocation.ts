/** How often the key of a request under way is looked at again, in milliseconds. */
const lookEveryMs = 1_000;

/**
 * The outcome of `work`, unless the key is revoked before: then what `refuse` makes is thrown at once. `work` goes on by
 * itself; what it comes to is lost. A look that fails says nothing.
 */
export function unlessRevoked<T>(work: Promise<T>, isValid: () => Promise<boolean>, refuse: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const revoked = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      isValid().then(
        (valid) => {
          if (!valid) reject(refuse());
        },
        () => undefined,
      );
    }, lookEveryMs);
  });
  return Promise.race([work, revoked]).finally(() => clearInterval(timer));
}
