import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../db/migrate.ts';
import { answerHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import {
  asPostgres,
  debianPostgres,
  folderOfPostgres,
  provideRoles,
  queryAs,
  startBarePostgres,
  type BarePostgres,
} from './debian-postgres.ts';

const found = debianPostgres();

(found ? describe : describe.skip)('docs/guides/backup.md: a base backup', () => {
  const bin = found?.bin ?? '';
  let folder: string;
  let postgres: BarePostgres | undefined;
  beforeAll(() => {
    folder = folderOfPostgres();
  });
  afterAll(async () => {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('restores to a moment; nothing is sent before patchbay resume', async () => {
    const [base, wal] = [join(folder, 'base'), join(folder, 'wal')];
    asPostgres('mkdir', [wal]);
    postgres = await startBarePostgres(bin, ['archive_mode=on', `archive_command=cp %p ${wal}/%f`]);
    await provideRoles(postgres, bin);
    await migrate(postgres.url('patchbay_owner', 'owner1', 'patchbay'));
    const settings = (port: BarePostgres): Record<string, string> => ({
      ...noHome,
      DATABASE_URL: port.url('patchbay_runtime', 'runtime1', 'patchbay'),
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: `base-backup-${randomUUID()}`,
    });
    const make = (tenant: string) => answerHere(settings(postgres!), 'keys', 'create', '--tenant', tenant);
    const superuser = (): string => postgres!.url('postgres', postgres!.password, 'postgres');
    await make('before-the-backup');
    asPostgres(
      join(bin, 'pg_basebackup'),
      [`--pgdata=${base}`, '--format=tar', '--gzip', '--wal-method=stream', '--checkpoint=fast'],
      { PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'postgres', PGPASSWORD: postgres.password },
    );
    await make('before-the-moment');
    const [{ moment } = {}] = await queryAs(superuser(), 'select clock_timestamp()::text as moment');
    await make('after-the-moment');
    const [{ file } = {}] = await queryAs(superuser(), 'select pg_walfile_name(pg_switch_wal()) as file');
    await eventually('the write-ahead log', async () => existsSync(join(wal, String(file))));
    await postgres.stop();

    postgres = await startBarePostgres(bin, [], (data) => {
      asPostgres('mkdir', ['-m', '700', data]);
      asPostgres('tar', ['-xzf', join(base, 'base.tar.gz'), '-C', data]);
      asPostgres('tar', ['-xzf', join(base, 'pg_wal.tar.gz'), '-C', join(data, 'pg_wal')]);
      appendFileSync(
        join(data, 'postgresql.conf'),
        `restore_command = 'cp ${wal}/%f %p'\nrecovery_target_time = '${String(moment)}'\n` +
          `recovery_target_action = 'promote'\n`,
      );
      asPostgres('touch', [join(data, 'recovery.signal')]);
    });
    await eventually('the end of the recovery', async () => {
      const [state] = await queryAs(superuser(), 'select pg_is_in_recovery() as is_recovering');
      return state?.is_recovering === false;
    });
    const own = settings(postgres);
    expect(await answerHere(own, 'sending', 'pause', '--restored')).toBeDefined();
    expect(await answerHere(own, 'sending', 'status')).toMatchObject({ paused: 2 });
    const tenants = await queryAs(
      postgres.url('patchbay_owner', 'owner1', 'patchbay'),
      'select name from tenants order by created_at',
    );
    expect(tenants.map(({ name }) => name)).toEqual(['before-the-backup', 'before-the-moment']);
    await answerHere(own, 'resume');
    expect(await answerHere(own, 'sending', 'status')).toMatchObject({ paused: 0 });
  }, 300_000);
});
