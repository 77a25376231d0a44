/** An answer that is not a success, in UniPile's error body. */
export class UnipileError extends Error {
  readonly status: number;
  readonly slug: string;
  readonly title: string;
  constructor(status: number, slug: string, title: string, detail?: string) {
    super(detail ?? title);
    this.status = status;
    this.slug = slug;
    this.title = title;
  }
}

export function errorBody(error: UnipileError): object {
  return { title: error.title, type: `errors/${error.slug}`, status: error.status, detail: error.message };
}

export const invalid = (detail: string): UnipileError =>
  new UnipileError(400, 'invalid_parameters', 'Invalid parameters', detail);
export const notFound = (what: string): UnipileError =>
  new UnipileError(404, 'resource_not_found', 'Resource not found', `${what} not found.`);
export const disconnected = (): UnipileError =>
  new UnipileError(401, 'disconnected_account', 'Account disconnected', 'The account needs a new login.');
export const notImplemented = (what: string): UnipileError =>
  new UnipileError(501, 'feature_not_implemented', 'Feature not implemented', what);
