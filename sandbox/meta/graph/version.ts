import type { RequestHandler, Response } from 'express';

/** Until when the sandbox's versions are served does not follow its clock. */
const OLDEST = 21;
const NEWEST = 26;
const VERSION = /^\/v(\d{1,3})\.(\d)(?=\/|\?|$)/;

/** Takes the version off the path. An expired one, and none, is served by the oldest that still works. */
export const readVersion: RequestHandler = (req, res, next) => {
  const found = VERSION.exec(req.url);
  const major = Number(found?.[1] ?? OLDEST);
  if (found && major <= NEWEST) {
    req.url = req.url.slice(found[0].length) || '/';
    if (!req.url.startsWith('/')) req.url = `/${req.url}`;
  }
  res.locals['version'] = `v${Math.max(OLDEST, Math.min(NEWEST, major))}.0`;
  next();
};

export const servedVersion = (res: Response): string => String(res.locals['version']);
