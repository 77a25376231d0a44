// Preloaded (`node --import`) into the Node processes of the local stack, so that they end when the supervisor is gone,
// however it went: the channel to it then closes. They get the time of an orderly stop, then no more.
import { isMainThread } from 'node:worker_threads';

const PATIENCE_MS = 8_000;

if (isMainThread && process.channel) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MS).unref();
  });
  // A listener for `disconnect` would otherwise keep a finished process alive.
  process.channel.unref();
}
