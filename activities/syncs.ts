import { ApplicationFailure, Context as ActivityContext } from '@temporalio/activity';
import { z } from 'zod';
import type { SyncKind, SyncProgress } from '../domain/syncs.ts';
import type { FailureCode } from '../domain/failures.ts';
import { collectDetails, giveUpDetails, type DetailsRef } from '../services/accounts/collect-details.ts';
import type { Context } from '../services/context.ts';
import { syncContacts } from '../services/contacts/sync-contacts.ts';
import { syncConversations } from '../services/conversations/sync-conversations.ts';
import { giveUpRun, SyncBusy, type HeldRef, type Holder } from '../services/syncs/held-run.ts';
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
  syncContacts: (ref: RunRef) => hold((holder) => syncContacts(context, { ...ref, kind: 'contacts' }, holder)),
  giveUpContacts: (ref: RunRef & { reason: FailureCode }) =>
    giveUpRun(context, { ...ref, kind: 'contacts' }, holderId()),
  syncConversations: (ref: RunRef) =>
    hold((holder) => syncConversations(context, { ...ref, kind: 'conversations' }, holder)),
  giveUpConversations: (ref: RunRef & { reason: FailureCode }) =>
    giveUpRun(context, { ...ref, kind: 'conversations' }, holderId()),
});

/** What a workflow passes on: its activities know their kind. */
type RunRef = Omit<HeldRef, 'kind'>;

const holderId = (): string => holderOf(ActivityContext.current()).id;

async function hold(work: (holder: Holder) => Promise<SyncProgress>): Promise<SyncProgress> {
  try {
    const activity = ActivityContext.current();
    // The Temporal UI shows the details of the last heartbeat; nothing reads them.
    const counted = (counts: object): void => saveProgress(activity, { ...counts });
    return await work({ ...holderOf(activity), counted });
  } catch (error) {
    if (!(error instanceof SyncBusy)) throw error;
    throw ApplicationFailure.create({
      type: 'sync_busy',
      message: error.message,
      nextRetryDelay: error.freeInMs,
    });
  }
}
