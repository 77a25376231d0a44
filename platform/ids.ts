import { randomUUIDv7 } from 'node:crypto';

/** A new id: a UUIDv7, so that ids of one table sort by when they were made. */
export const newId = (): string => randomUUIDv7();

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be an id of ours; anything else is unknown without asking PostgreSQL. */
export const isId = (text: string): boolean => uuid.test(text);

/** Sorts before every id: where a walk by id begins. */
export const firstId = '00000000-0000-0000-0000-000000000000';
