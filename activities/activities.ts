import { actOnStep } from './connection/act-on-step.ts';
import { beginLogin } from './connection/begin-login.ts';
import { cleanUp } from './connection/clean-up.ts';
import { closeAttempt } from './connection/close-attempt.ts';
import { endLogin } from './connection/end-login.ts';
import { lookAtAccount } from './connection/look-at-account.ts';
import { reviveLogin } from './connection/look-at-login.ts';
import { lookOrPassOn } from './connection/look-or-pass-on.ts';
import { takeWish } from './connection/take-wish.ts';
import { collectDetails, giveUpDetails } from './collect-details.ts';
import { syncContacts, giveUpContacts } from './contacts/sync-contacts.ts';
import { syncDueContacts } from './contacts/sync-due-contacts.ts';
import { fetchDuePictures } from './contacts/fetch-pictures.ts';
import { eraseContacts } from './privacy/erase-contacts.ts';
import { eraseRecords } from './privacy/erase-records.ts';
import { rememberErased } from './privacy/remember-erased.ts';
import type { Deps } from './deps.ts';

/** Everything a worker registers. */
export const createActivities = (deps: Deps) => ({
  takeWish: takeWish(deps),
  beginLogin: beginLogin(deps),
  reviveLogin: reviveLogin(deps),
  actOnStep: actOnStep(deps),
  lookAtLogin: lookOrPassOn(deps),
  closeAttempt: closeAttempt(deps),
  cleanUp: cleanUp(deps),
  endLogin: endLogin(deps),
  lookAtAccount: lookAtAccount(deps),
  collectDetails: collectDetails(deps),
  giveUpDetails: giveUpDetails(deps),
  syncContacts: syncContacts(deps),
  giveUpContacts: giveUpContacts(deps),
  rememberErased: rememberErased(deps),
  eraseContacts: eraseContacts(deps),
  eraseRecords: eraseRecords(deps),
  syncDueContacts: syncDueContacts(deps),
  fetchDuePictures: fetchDuePictures(deps),
});

export type Activities = ReturnType<typeof createActivities>;
