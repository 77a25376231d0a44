import type { z } from 'zod';
import type { Scope } from '../../domain/scopes.ts';
import type { Context } from '../../services/context.ts';
import type { FeedStart } from '../../services/events/feed-reader.ts';
import type { Principal } from '../../services/principal.ts';
import type { IncomingFile } from './form-file.ts';
import type { FileAnswer } from './files.ts';
import type { TextAnswer } from './text-stream.ts';

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete';
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** How a caller takes what it asks for: as one answer, as server-sent events, or by a WebSocket. */
export type Transport = 'answer' | 'stream' | 'socket';

/** One request as its handler sees it: everything validated, nothing of Express. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  context: Context;
  principal: Principal;
  params: P;
  query: Q;
  body: B;
  /** Stays the same when a request under an Idempotency-Key is executed again; a fresh one otherwise. */
  operationId: string;
  transport: Transport;
  /** The id of the last event that a reader had, which connects again. */
  lastEventId: string | undefined;
  /** Fires when the caller has disconnected or the process is about to end. */
  gone: AbortSignal;
  /**
   * Of a route that takes a file: gives it to `take` while it arrives, at most `limit` bytes of it. `confirm` throws when the
   * key no longer works: for the moment before the file is kept.
   */
  receiveFile<T>(limit: number, take: (file: IncomingFile, confirm: () => Promise<void>) => Promise<T>): Promise<T>;
}

/**
 * The result of a handler; without `status` the route's own. `retryAfter`: seconds, for what is not there yet. `lines`: a text
 * of any length. `follow`: events are sent until the connection ends, where the transport is no answer.
 */
type Result<A> =
  | { status?: number; body: A; retryAfter?: number | undefined }
  | { file: FileAnswer }
  | { lines: TextAnswer }
  | { follow: FeedStart };

interface Declaration<
  P extends z.ZodType | undefined,
  Q extends z.ZodType | undefined,
  B extends z.ZodType | undefined,
  A extends z.ZodType,
> {
  /** Its operation id, which generated clients name their methods by. */
  name: string;
  method: Method;
  /** As in OpenAPI, with `{name}` for parameters. */
  path: string;
  summary: string;
  tag: string;
  scope: Scope;
  params?: P;
  query?: Q;
  body?: B;
  /** Takes a form with one file, by `receiveFile`, in place of a JSON body. */
  takesFile?: boolean;
  /** A body that can be sent as it is, for the documentation. */
  example?: B extends z.ZodType ? z.input<B> : undefined;
  /** The body of the answer: undeclared fields are removed. */
  answer: A;
  /** The status of success; 200 unless given. */
  status?: number;
  /** The status when the operation that `status` announces is already done; the same answer. */
  doneStatus?: number;
  /** The address at which the outcome of a 202 can be read. */
  watch?(answer: z.output<A>): string;
  /** Of a GET: it changes something, as a documented path wants it. A HEAD is refused then. */
  changes?: boolean;
  /** Of a GET: it shows what is kept sealed, or much at once. Each request is recorded in the audit log, as writes are. */
  looks?: boolean;
  /** Takes an Idempotency-Key. */
  idempotent?: boolean;
  /** Fields of the answer that are shown once: a replay has null instead. */
  shownOnce?: readonly string[];
  /** Has events: as server-sent events where the caller accepts them, or by a WebSocket alone. */
  live?: 'stream' | 'socket';
  /** Answers a file; `answer` is then that of 202, while the file is fetched. */
  file?: boolean;
  /** For answers that are not JSON: their type; the body is a text then. */
  contentType?: string;
  /** The caller may ask for CSV in its place. */
  csv?: boolean;
  handle(call: Call<Parsed<P>, Parsed<Q>, Parsed<B>>): Promise<Result<z.input<A>>>;
}

/** A declared route, whatever its schemas. */
export type Route = Omit<Declaration<z.ZodType, z.ZodType, z.ZodType, z.ZodType>, 'handle' | 'watch'> & {
  watch?(answer: never): string;
  handle(call: Call): Promise<Result<unknown>>;
};

/** Declares a route once: its schemas validate requests, strip answers, and make the OpenAPI document. */
export const route = <
  A extends z.ZodType,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  declaration: Declaration<P, Q, B, A>,
): Route => declaration as unknown as Route;
