export { connection } from './connection.ts';
export { fetchPictures, syncAllContacts } from './sync-all-contacts.ts';
export { syncContacts } from './sync-contacts.ts';
export { syncDetails } from './sync-details.ts';
