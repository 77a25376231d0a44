// Puts each webhook into a queue of BullMQ before it answers.
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { isSigned } from './store.mjs';

const queue = new Queue('webhooks', { connection: new Redis(Number(process.env.BENCH_REDIS_PORT), '127.0.0.1') });
queue.on('error', () => {});
const app = express();
app.disable('x-powered-by');
app.use(express.text({ type: () => true, limit: '5mb' }));
app.post('/webhook', async (request, response) => {
  if (!isSigned(request)) return response.sendStatus(401);
  const job = { attempts: 20, backoff: { type: 'fixed', delay: 500 }, removeOnComplete: true };
  await queue.add('webhook', { raw: request.body }, job);
  response.json({ received: 1 });
});
app.listen(Number(process.env.BENCH_PORT), '127.0.0.1');
