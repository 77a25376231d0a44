import { randomUUIDv7 } from 'node:crypto';

/** UUIDv7: ids of one table sort by creation. */
export const newId = (): string => randomUUIDv7();

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const isId = (text: string): boolean => uuid.test(text);

export const firstId = '00000000-0000-0000-0000-000000000000';
