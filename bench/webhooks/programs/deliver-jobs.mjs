// Delivers the webhooks in the queue of BullMQ.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { atOnce, deliver } from './deliver.mjs';

const connection = new Redis(Number(process.env.BENCH_REDIS_PORT), '127.0.0.1', { maxRetriesPerRequest: null });
const worker = new Worker('deliveries', ({ data }) => deliver(data), { connection, concurrency: atOnce });
worker.on('error', () => {});
