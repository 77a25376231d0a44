// Stores the webhooks in the queue of BullMQ.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { store } from './store.mjs';

const connection = new Redis(Number(process.env.BENCH_REDIS_PORT), '127.0.0.1', { maxRetriesPerRequest: null });
const worker = new Worker('webhooks', ({ data }) => store(data.raw), { connection, concurrency: 10 });
worker.on('error', () => {});
