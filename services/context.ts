import type { Database } from '../db/connect.ts';
import type { Vault } from '../db/vault.ts';
import type { Changes } from '../platform/changes.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { SharedWork } from '../platform/shared-work.ts';
import type { Providers } from '../providers/provider.ts';
import type { FetchFile } from '../providers/shared/public-file.ts';
import type { Post } from '../providers/shared/public-post.ts';
import type { TemporalClient } from '../temporal/client.ts';
import type { CallLimits } from './call-limits.ts';
import type { FeedHub } from './events/feed-hub.ts';
import type { BlobStore } from './media/blob-store.ts';
import type { RequestReader } from './webhooks/request-reader.ts';

/** What every operation works with: built once per process by `openContext`, and passed on explicitly. */
export interface Context {
  config: Config;
  db: Database;
  vault: Vault;
  /** The bytes of media. */
  blobs: BlobStore;
  /** Fetches files from addresses of the internet that callers name. */
  fetchFile: FetchFile;
  /** Delivers events to addresses that callers name. */
  post: Post;
  /** Files that this process fetches because a caller asked for them. */
  fetches: SharedWork;
  clock: Clock;
  /** Wakes what waits in this process for a change in the database. */
  changes: Changes;
  /** What readers of one tenant's events share. */
  feed: FeedHub;
  log: Log;
  metrics: Metrics;
  temporal: TemporalClient;
  providers: Providers;
  /** How many calls credentials may make. */
  callLimits: CallLimits;
  reader: RequestReader;
  /** Where callers and providers reach the API, without a slash at its end. From `PUBLIC_URL` alone, never from a request. */
  publicUrl: string;
  /** Fires when the process is told to end, so that waiting requests answer at once. */
  stopping: AbortSignal;
}

/** The time of work that a workflow asked for: never behind the workflow's own, which runs ahead where time is skipped. */
export const timeOf = (context: Context, ref: { now: number }): Date =>
  new Date(Math.max(context.clock.now().getTime(), ref.now));
