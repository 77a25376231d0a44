import { createHmac, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

/** Deliveries at once. */
export const atOnce = 50;

const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
const secret = randomBytes(32);

/** Posts the webhook of a message, signed by Standard Webhooks. Rejects where it is not taken. */
export function deliver({ id, account_id, conversation_id }) {
  const data = { message_id: id, conversation_id, direction: 'in', status: 'delivered', history: false };
  const [type, at] = ['message.created', new Date().toISOString()];
  const body = JSON.stringify({ type, timestamp: at, data: { id, type, account_id, at, data } });
  const seconds = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  };
  return new Promise((resolve, reject) => {
    request(process.env.BENCH_ENDPOINT, { method: 'POST', agent, headers, timeout: 10_000 })
      .once('response', (response) => {
        response.resume();
        response.once('end', () => (response.statusCode < 300 ? resolve() : reject(new Error('not taken'))));
      })
      .once('timeout', function () {
        this.destroy(new Error('no answer'));
      })
      .once('error', reject)
      .end(body);
  });
}
