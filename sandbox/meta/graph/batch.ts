import { invalidParameter } from '../errors.ts';
import { graphRoute, tokenIn, type Call, type Route } from './call.ts';
import { asText, isObject } from './params.ts';

const MOST = 50;

/** `POST /` with `batch`: each call is made for itself, in its order, and answers what it would alone. */
export const batchRoute = (): Route =>
  graphRoute('POST /', async (call, req, res) => {
    const batch = call.params.json('batch');
    if (!Array.isArray(batch)) throw invalidParameter('The parameter batch is required.');
    if (batch.length > MOST)
      throw invalidParameter(`Too many requests in batch message. Maximum batch size is ${MOST}`);
    const base = `http://127.0.0.1:${req.socket.localPort}/${String(res.locals['version'])}/`;
    const answers: object[] = [];
    for (const one of batch) answers.push(await answerOf(call, base, isObject(one) ? one : {}));
    return answers;
  });

async function answerOf(call: Call, base: string, one: Record<string, unknown>): Promise<object> {
  const relative = asText(one['relative_url']).replace(/^\/+/, '');
  const url = URL.parse(/^v\d+\.\d+\//.test(relative) ? `${new URL(base).origin}/${relative}` : base + relative);
  if (!url || url.origin !== new URL(base).origin) throw invalidParameter('Param relative_url must be a path');
  const method = (asText(one['method']) || 'GET').toUpperCase();
  const body = typeof one['body'] === 'string' && method !== 'GET' ? one['body'] : undefined;
  const hasToken = url.searchParams.has('access_token') || /(^|&)access_token=/.test(body ?? '');
  if (!hasToken) {
    url.searchParams.set('access_token', tokenIn(call).value);
    const proof = call.params.text('appsecret_proof');
    if (proof !== undefined) url.searchParams.set('appsecret_proof', proof);
  }
  const answer = await fetch(url, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    ...(body !== undefined && { body }),
  });
  const headers = ['content-type', 'facebook-api-version', 'x-app-usage', 'x-business-use-case-usage'].flatMap(
    (name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [{ name, value }];
    },
  );
  return { code: answer.status, headers, body: await answer.text() };
}
