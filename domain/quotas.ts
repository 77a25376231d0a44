/** Below WASender's limits (60 a minute, 1,000 a day for an account), which the owner's other tools share. */
export const pictureQuota = { perMinute: 50, perDay: 900 } as const;

/** LID requests per account; WASender publishes no limit. */
export const lidsPerMinute = 50;
