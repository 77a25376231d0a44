export { bulkOperation } from './bulk-operation.ts';
export { connection } from './connection.ts';
export { erasePerson } from './erase-person.ts';
export { sendMessages } from './send-messages.ts';
export {
  aggregateAnalytics,
  fetchMedia,
  fetchPictures,
  maintenance,
  refreshTokens,
  remindOwners,
  syncAllContacts,
  syncPlatforms,
} from './sweeps.ts';
export { startSyncs, syncContacts, syncConversations, syncDetails } from './sync.ts';
