import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../db/migrate.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { sending as sendingCheck } from '../../cli/doctor/sending.ts';
import { openSubject } from '../../cli/doctor/subject.ts';
import { answerHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import { createUpstream, startSending, type Sending } from '../messages/sending.ts';
import { required } from '../support/database.ts';
import { temporalClient } from '../support/history.ts';
import { debianPostgres, provideRoles, startBarePostgres, type BarePostgres } from './debian-postgres.ts';
import { runRole, startRole } from './role-process.ts';

const found = debianPostgres();
const encryptionKey = Buffer.alloc(32, 7).toString('base64');
const taskQueue = `restore-${randomUUID()}`;

(found ? describe : describe.skip)('SECURITY 20: a restore', () => {
  const bin = found?.bin ?? '';
  const upstream = createUpstream();
  let folder: string;
  let postgres: BarePostgres;
  let sending: Sending | undefined;

  const superuser = (): Record<string, string> => ({
    PGHOST: '127.0.0.1',
    PGPORT: String(postgres.port),
    PGUSER: 'postgres',
    PGPASSWORD: postgres.password,
  });
  const settings = (): Record<string, string> => ({
    DATABASE_URL: postgres.url('patchbay_runtime', 'runtime1', 'patchbay'),
    ENCRYPTION_KEY: encryptionKey,
  });
  const cli = (...args: string[]): Promise<any> =>
    answerHere(
      {
        ...noHome,
        ...settings(),
        TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
        TEMPORAL_TASK_QUEUE: taskQueue,
      },
      ...args,
    );
  const pausedSchedules = async (): Promise<boolean[]> => {
    const client = await temporalClient();
    const types = ['syncAllContacts', 'syncPlatforms', 'fetchPictures', 'refreshTokens', 'remindOwners', 'maintenance'];
    const described = await Promise.all(
      // As the server has them: the summaries are sealed with keys of this installation.
      types.map((type) =>
        client.workflowService.describeSchedule({ namespace: 'default', scheduleId: scheduleId(type, taskQueue) }),
      ),
    );
    await client.connection.close();
    return described.map(({ schedule }) => schedule?.state?.paused ?? false);
  };
  const texts = (): string[] => upstream.taken.map(({ text }) => text);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'patchbay-restore-'));
    postgres = await startBarePostgres(bin);
    await provideRoles(postgres, bin);
    await migrate(postgres.url('patchbay_owner', 'owner1', 'patchbay'));
  }, 120_000);
  afterAll(async () => {
    await sending?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts with sending and schedules paused; nothing sent after the dump is sent again; a wrong key is one clear line', async () => {
    const dump = join(folder, 'patchbay.dump');
    sending = await startSending({ settings: settings(), upstream });
    const account = await sending.account();
    const to = (n: number): object => ({ recipients: [`+3363998000${n}`] });
    await sending.send(account.id, 'Sent before the dump', to(1));
    await sending.drain(account);
    await sending.send(account.id, 'Sent after the dump', to(1));
    const unsent = await sending.send(account.id, 'Not sent yet', to(2));
    const at = new Date(Date.now() + 3_600_000).toISOString();
    await sending.send(account.id, 'Later', { ...to(3), send_at: at });
    await runRole([join(bin, 'pg_dump'), '--format=custom', `--file=${dump}`, 'patchbay'], superuser());
    upstream.plan = ['ok', new ProviderFailure('rate_limited', 'Slowly.', { retryAfterMs: 600_000 })];
    await sending.drain(account);
    expect(texts()).toEqual(['Sent before the dump', 'Sent after the dump']);
    await sending.stop();
    const options = ['--create', '--clean', '--if-exists', '--dbname=postgres'];
    await runRole([join(bin, 'pg_restore'), ...options, dump], superuser());

    const wrong = {
      ...settings(),
      PORT: '0',
      LOG_LEVEL: 'warn',
      ENCRYPTION_KEY: Buffer.alloc(32, 8).toString('base64'),
    };
    const { code, output } = await startRole([process.execPath, 'api/main.ts'], wrong).ended;
    expect({ code, lines: output.trim().split('\n') }).toEqual({
      code: 1,
      lines: [expect.stringMatching(/^patchbay: .*ENCRYPTION_KEY/)],
    });

    sending = await startSending({ settings: settings(), upstream });
    expect(await cli('sending', 'status')).toEqual({ paused: 1, stops: [] });
    const subject = openSubject(settings());
    expect(await sendingCheck.look(subject, new AbortController().signal)).toMatchObject([
      { outcome: 'FAIL', toDo: 'patchbay resume' },
    ]);
    await subject.close();
    // It makes the Schedules, as a worker does that starts.
    await cli('rebuild');
    expect(await pausedSchedules()).toEqual([true, true, true, true, true, true]);
    upstream.plan = [];
    await sending.drain(account);
    expect(texts()).toEqual(['Sent before the dump', 'Sent after the dump']);
    const shown = (await sending.api.client.get(`/api/v1/messages/${unsent.id}`)).body;
    expect(shown).toMatchObject({
      status: 'queued',
      send: { state: 'queued', waits_for: 'paused', waits_until: null },
    });

    expect(await cli('sending', 'resume')).toEqual({ resumed: 1 });
    expect(await pausedSchedules()).toEqual([false, false, false, false, false, false]);
    await sending.drain(account);
    sending.api.clock.advance(3_600_000);
    await sending.drain(account);
    expect(texts()).toEqual(['Sent before the dump', 'Sent after the dump', 'Not sent yet', 'Later']);
  }, 300_000);
});
