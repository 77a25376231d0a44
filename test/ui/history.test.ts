import { rmSync } from 'node:fs';
import { Client } from '@temporalio/client';
import { makeTemporaryHome } from '../../dev/parts/home.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { findChromium, openBrowser, type Browser } from './browser.ts';
import { connect } from '../../temporal/connect.ts';

/** P3: every attempt can be found in the Temporal UI, and read there without seeing a secret. */
const password = 'correct-horse-9f8e7d6c';
const chromium = findChromium();

const tests = (browserPath: string) => (): void => {
  let home: string;
  let stack: Stack;
  let api: ApiClient;
  let browser: Browser;
  let account: any;
  let attempt: any;
  let tenantId: string;
  let tenantName: string;

  beforeAll(async () => {
    home = makeTemporaryHome('ui');
    const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, TEMPORAL_UI_URL: _ui, ...env } = process.env;
    const settings = { ...env, PATCHBAY_HOME: home, LOG_LEVEL: 'warn' };
    stack = await startStack(settings, () => undefined, new AbortController().signal);
    const { api_url: url, api_key: key, temporal_address: address } = stack.describe();
    api = createClient(url, key);
    browser = openBrowser(browserPath);
    const credentials = { username: '2fa@ui.example', password };
    const request = { provider: 'unipile', channel: 'linkedin', owner: 'maya', credentials };
    ({ account, attempt } = (await api.post('/api/v1/accounts', request)).body);
    await api.post(`/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`, { answer: '123456' });
    await api.step(account.id, 'done');
    attempt = (await api.get(`/api/v1/accounts/${account.id}/attempt`)).body;
    const connection = await connect({ address });
    const handle = new Client({ connection }).workflow.getHandle(attempt.workflow_id);
    const ended = (isIt: (runId: string) => boolean) =>
      eventually('a run to end', async () => {
        const newest = await handle.describe();
        return newest.status.name === 'COMPLETED' && isIt(newest.runId) && newest;
      });
    const first = await ended(() => true);
    // A later run of the same workflow does not belong to the attempt.
    await api.post(`/api/v1/accounts/${account.id}/reconnect`, { force: true });
    const second = await ended((runId) => runId !== first.runId);
    tenantId = String(second.searchAttributes['PatchbayTenant']?.[0]);
    tenantName = String(second.searchAttributes['PatchbayTenantName']?.[0]);
    await connection.close();
  }, 300_000);
  afterAll(async () => {
    browser?.close();
    await stack?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it("shows the run at the attempt's history_url in plain words", async () => {
    const page = await browser.read(
      attempt.history_url,
      attempt.workflow_id,
      'Completed',
      'nextOperation • Read the requested operation (api)',
      'beginLogin • Ask the provider to begin the login',
      'Until the step "code" expires',
      'actOnStep • The owner answered the step',
    );
    expect(page).not.toContain(password);
    expect(page).not.toContain('123456');
  });

  it('opens the payloads through the codec endpoint: ids, and nothing else', async () => {
    const page = await browser.read(attempt.history_url, `"accountId": "${account.id}"`);
    expect(page).toContain(`"tenantId": "${tenantId}"`);
    expect(page).not.toContain('binary/patchbay');
  });

  const listAt = (query: string): string =>
    `${stack.describe().temporal_ui_url}/namespaces/default/workflows?query=${encodeURIComponent(query)}`;

  it('finds the run by tenant, account, channel and state', async () => {
    const query = [
      `PatchbayTenant="${tenantId}"`,
      `PatchbayTenantName="${tenantName}"`,
      `PatchbayAccount="${account.id}"`,
      'PatchbayChannel="linkedin"',
      'PatchbayState="active"',
    ];
    await browser.read(listAt(query.join(' AND ')), attempt.workflow_id, 'Completed');
  });

  it.each(['PatchbayChannel="whatsapp"', 'PatchbayState="failed"'])('does not find the run by %s', async (query) => {
    const page = await browser.read(listAt(query), 'No Workflows Found');
    expect(page).not.toContain(attempt.workflow_id);
  });
};

if (chromium) describe("P3: Temporal's UI", tests(chromium));
else
  it.skip("P3: Temporal's UI (there is no Chromium on this machine: install it, or set CHROMIUM_PATH)", () =>
    undefined);
