import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { searchAttributes } from '../../domain/search-attributes.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { startPart, type Part } from '../../dev/parts/supervisor.ts';
import { temporalSpec } from '../../dev/parts/temporal.ts';
import { findTemporalCli } from '../../dev/parts/temporal-cli.ts';

const namespace = 'default';
let folder: string;
let part: Part | null = null;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-temporal-'));
});
afterAll(async () => {
  await part?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('a home that an earlier version made gets the search attributes that are new', async () => {
  const cli = await findTemporalCli(process.env, () => undefined, new AbortController().signal);
  const { signal } = new AbortController();
  const around = { logs: folder, report: () => undefined, signal, onChange: () => undefined };
  const start = async (): Promise<Connection> => {
    const port = await reserveFreePort();
    await port.handOver();
    part = await startPart(temporalSpec({ cli, folder, port: port.number, ui: null }), around);
    return Connection.connect({ address: `127.0.0.1:${port.number}` });
  };
  const { name } = searchAttributes.tenantName;
  const before = await start();
  await before.operatorService.removeSearchAttributes({ namespace, searchAttributes: [name] });
  await before.close();
  await part?.stop();
  const after = await start();
  const { customAttributes } = await after.operatorService.listSearchAttributes({ namespace });
  await after.close();
  expect(Object.keys(customAttributes)).toContain(name);
}, 120_000);
