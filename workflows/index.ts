export { connection } from './connection.ts';
export { erasePerson } from './erase-person.ts';
export { sendMessages } from './send-messages.ts';
export { fetchMedia, fetchPictures, maintenance, refreshTokens, syncAllContacts, syncPlatforms } from './sweeps.ts';
export { startSyncs, syncContacts, syncConversations, syncDetails } from './sync.ts';
