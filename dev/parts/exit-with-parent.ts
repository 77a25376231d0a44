// Preloaded (`node --import`) into the Node processes of the local stack: they exit with the supervisor, also after
// SIGKILL, because the IPC channel to it then closes. First an orderly stop, then SIGKILL.
import { isMainThread } from 'node:worker_threads';

const GRACE_MS = 8_000;

if (isMainThread && process.channel) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
  });
  // A listener for `disconnect` keeps the channel, and with it a finished process, alive.
  process.channel.unref();
}
