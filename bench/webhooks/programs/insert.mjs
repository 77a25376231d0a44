// Stores each webhook before it answers.
import express from 'express';
import { isSigned, store } from './store.mjs';

const app = express();
app.disable('x-powered-by');
app.use(express.text({ type: () => true, limit: '5mb' }));
app.post('/webhook', async (request, response) => {
  if (!isSigned(request)) return response.sendStatus(401);
  await store(request.body);
  response.json({ received: 1 });
});
app.listen(Number(process.env.BENCH_PORT), '127.0.0.1');
