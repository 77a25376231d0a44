import {
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ConnectionOptions,
} from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/** gRPC's CANCELLED, which is never tried again. */
const cancelled = 1;

/**
 * A connection that may be closed while calls wait for their next try. The client's own throws then out of a timer, which ends
 * the process (@temporalio/client 1.x, grpc-retry.js; @grpc/grpc-js, InternalChannel.createCall). Here such a call fails.
 * Connects at first use.
 */
export const openConnection = (options: ConnectionOptions): Connection =>
  Connection.lazy({ ...options, interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), failWhenClosed] });

/** As `openConnection`, but connects at once. Throws when the server does not answer in time. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const connection = openConnection(options);
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

const failWhenClosed: Interceptor = (options, nextCall) => {
  let call: Call;
  try {
    call = nextCall(options);
  } catch (error) {
    call = failedCall((error as Error).message);
  }
  // Only what the interface has is called.
  return call as ReturnType<Interceptor>;
};

const failedCall = (details: string): Call => {
  const nothing = (): void => undefined;
  return {
    start(metadata, listener) {
      listener?.onReceiveMessage?.(null);
      listener?.onReceiveStatus?.({ code: cancelled, details, metadata });
    },
    cancelWithStatus: nothing,
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    startRead: nothing,
    halfClose: nothing,
    getPeer: () => '',
    getAuthContext: () => null,
  };
};
