import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import axios, { AxiosError } from 'axios';
import { errorFields } from '../../platform/log.ts';

const secret = 'correct-horse-battery-staple';

/** What axios throws, with a key in its request. The port has no listener. */
async function refused(): Promise<AxiosError> {
  try {
    await axios.post('http://127.0.0.1:1/accounts', { password: secret }, { headers: { 'X-API-KEY': secret } });
  } catch (error) {
    if (error instanceof AxiosError) return error;
  }
  throw new Error('it was not refused');
}

it('logs name, message, code and stack of a failed request, and nothing of the request', async () => {
  const error = await refused();
  expect(JSON.stringify(error)).toContain(secret);
  const fields = errorFields(error);
  expect(Object.keys(fields).sort()).toEqual(['code', 'message', 'name', 'stack']);
  expect(fields).toMatchObject({ name: error.name, code: 'ECONNREFUSED' });
  expect(JSON.stringify(fields)).not.toContain(secret);
});

it('leaves out fields that a library put on its error, and the causes', () => {
  const error = Object.assign(new Error('no', { cause: new Error(secret) }), { response: { data: secret }, code: 42 });
  expect(Object.keys(errorFields(error)).sort()).toEqual(['message', 'name', 'stack']);
  expect(JSON.stringify(errorFields(error))).not.toContain(secret);
});

it.each([
  ['a text', 'a text'],
  [{ secret }, 'not an error'],
  [undefined, 'not an error'],
])('accepts a thrown value that is not an error: %j', (thrown, message) =>
  expect(errorFields(thrown)).toEqual({ message }),
);

it('writes lines of JSON in which neither errors nor named fields show a secret', async () => {
  // In a process of its own, since the log writes to its standard output.
  const program = `
    import axios from 'axios';
    import { createLog } from ${JSON.stringify(new URL('../../platform/log.ts', import.meta.url).href)};
    const log = createLog('test', 'info');
    const secret = ${JSON.stringify(secret)};
    const error = await axios
      .post('http://127.0.0.1:1/', { password: secret }, { headers: { authorization: secret } })
      .catch((thrown) => thrown);
    log.error({ err: error }, 'as a field');
    log.error(error, 'as the object');
    log.error({ error }, 'under another name');
    log.info({ login: { password: secret, access_token: secret, secret } }, 'fields');
    log.info({ req: { headers: { cookie: secret } }, config: { headers: secret } }, 'a request');
    log.debug('below the level');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: new URL('../..', import.meta.url).pathname,
  });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map((line) => line.msg)).toEqual([
    'as a field',
    'as the object',
    'under another name',
    'fields',
    'a request',
  ]);
  for (const { err, error } of lines.slice(0, 3)) expect(err ?? error).toMatchObject({ code: 'ECONNREFUSED' });
  expect(stdout).not.toContain(secret);
});
