export { bulkOperation } from './bulk-operation.ts';
export { connection } from './connection.ts';
export { erasePerson } from './erase-person.ts';
export { sendMessages } from './send-messages.ts';
export {
  fetchMedia,
  fetchPictures,
  maintenance,
  refreshTokens,
  syncAllContacts,
  syncAllConversations,
} from './sweeps.ts';
export { startSyncs, syncContacts, syncConversations, syncDetails } from './sync.ts';
