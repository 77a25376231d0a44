import { ApplicationFailure, Context as ActivityContext } from '@temporalio/activity';
import { z } from 'zod';
import type { SyncKind } from '../domain/syncs.ts';
import type { FailureCode } from '../domain/failures.ts';
import { collectDetails, giveUpDetails, type DetailsRef } from '../services/accounts/collect-details.ts';
import type { Context } from '../services/context.ts';
import {
  giveUpContacts,
  syncContacts,
  SyncBusy,
  type Holder,
  type SyncContactsRef,
} from '../services/contacts/sync-contacts.ts';
import { startOpenedSyncs } from '../services/syncs/start-opened-syncs.ts';
import { saveProgress } from './heartbeat.ts';

/** All tries of one activity are the same holder. */
export const holderOf = ({ info, cancellationSignal }: ActivityContext): Holder => ({
  id: `${info.workflowExecution?.workflowId}/${info.workflowExecution?.runId}`,
  try: info.attempt,
  signal: cancellationSignal,
});

export const syncActivities = (context: Context) => ({
  collectDetails: (ref: DetailsRef) => collectDetails(context, ref),
  giveUpDetails: (ref: DetailsRef & { reason: FailureCode }) => giveUpDetails(context, ref),
  startSyncs: (ref: { tenantId: string; kind: SyncKind }) => {
    const activity = ActivityContext.current();
    const { data: before } = z.uuid().safeParse(activity.info.heartbeatDetails);
    return startOpenedSyncs(context, ref, before, (last) => {
      saveProgress(activity, last);
      activity.cancellationSignal.throwIfAborted();
    });
  },
  syncContacts: async (ref: SyncContactsRef) => {
    try {
      const activity = ActivityContext.current();
      // The Temporal UI shows the details of the last heartbeat; nothing reads them.
      const counted = (counts: object): void => saveProgress(activity, { ...counts });
      return await syncContacts(context, ref, { ...holderOf(activity), counted });
    } catch (error) {
      if (!(error instanceof SyncBusy)) throw error;
      throw ApplicationFailure.create({
        type: 'sync_busy',
        message: error.message,
        nextRetryDelay: error.freeInMs,
      });
    }
  },
  giveUpContacts: (ref: SyncContactsRef & { reason: FailureCode }) =>
    giveUpContacts(context, ref, holderOf(ActivityContext.current()).id),
});
