/**
 * Pictures that are asked for of one account: below what WASender allows (60 a minute, 1,000 a day), so that the
 * owner's other tools and requests made by hand are not refused.
 */
export const pictureQuota = { perMinute: 50, perDay: 900 } as const;

/** Numbers behind LIDs that are asked for of one account; no limit of theirs is published. */
export const lidsPerMinute = 50;
