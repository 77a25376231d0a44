export { connection } from './connection.ts';
export { syncDetails } from './sync-details.ts';
