export { connection } from './connection.ts';
export { erasePerson } from './erase-person.ts';
export { fetchPictures, syncAllContacts } from './sync-all-contacts.ts';
export { syncContacts } from './sync-contacts.ts';
export { syncDetails } from './sync-details.ts';
