import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parse } from 'yaml';
import { bulkItemStates } from '../../domain/bulk.ts';
import { deliveryStates } from '../../domain/deliveries.ts';
import { failures } from '../../domain/failures.ts';
import { onPath } from '../../dev/parts/run-command.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';
import { createClient } from '../support/client.ts';
import { createTestDatabase, required, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { project, runRole, startRole, type RoleProcess } from './role-process.ts';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}

const alerts = (
  parse(readFileSync(join(project, 'deploy/alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(readFileSync(join(project, 'deploy/dashboard.json'), 'utf8')) as {
  panels: { title: string; targets?: { expr: string }[] }[];
};
const asked = [
  ...alerts.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
];

/** The metrics in an expression: ours, the SDK's, Node's. */
const namesIn = (expression: string): string[] => [
  ...new Set(expression.match(/\b(?:patchbay|temporal|nodejs|process)_[a-z0-9_]+/g)),
];

/** The SDK exports these after the first failure only. */
const afterFailure = new Set(['temporal_workflow_task_execution_failed']);

/** The values of a label in expressions. */
const valuesOf = (label: string): string[] =>
  asked.flatMap((expression) =>
    [...expression.matchAll(new RegExp(`\\b${label}!?=~?"([^"]*)"`, 'g'))].flatMap(([, values = '']) =>
      values.split('|'),
    ),
  );

describe('alerts and dashboard', () => {
  let database: TestDatabase;
  let sandbox: Sandbox;
  let ports: { api: number; apiMetrics: number; workerMetrics: number };
  const processes: RoleProcess[] = [];

  beforeAll(async () => {
    [database, sandbox] = await Promise.all([createTestDatabase(), startSandbox()]);
    const [one, two, three] = await Promise.all([reserveFreePort(), reserveFreePort(), reserveFreePort()]);
    await Promise.all([one.handOver(), two.handOver(), three.handOver()]);
    ports = { api: one.number, apiMetrics: two.number, workerMetrics: three.number };
    const settings = {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: `metrics-${randomUUID()}`,
      ENCRYPTION_KEY: testKey,
      PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
      UNIPILE_DSN: sandbox.unipileUrl,
      UNIPILE_ACCESS_TOKEN: 'sandbox-key',
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE_SECONDS: '1',
    };
    const api = startRole(['node', 'api/main.ts'], {
      ...settings,
      PORT: String(ports.api),
      METRICS_PORT: String(ports.apiMetrics),
    });
    const worker = startRole(['node', 'workers/main.ts'], { ...settings, METRICS_PORT: String(ports.workerMetrics) });
    processes.push(api, worker);
    await Promise.all([api.prints('api ready'), worker.prints('worker ready')]);
    const made = await runRole(
      ['node', 'cli/main.ts', 'keys', 'create', '--tenant', 'acme', '--scope', 'all', '--json'],
      settings,
    );
    const caller = createClient(settings.PUBLIC_URL, (JSON.parse(made) as { api_key: string }).api_key);
    const { body } = await caller.post('/api/v1/accounts', {
      provider: 'unipile',
      channel: 'linkedin',
      owner: 'maya',
      credentials: { username: 'plain@metrics.example', password: 'correct horse' },
    });
    await caller.account(body.account.id, 'active');
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop()));
    await sandbox?.close();
    await database?.drop();
  });

  it('use only metrics that a running API or worker exports', async () => {
    const wanted = new Set(asked.flatMap(namesIn));
    expect(wanted.size).toBeGreaterThan(5);
    await eventually(
      'every metric',
      async () => {
        const texts = await Promise.all(
          [ports.apiMetrics, ports.workerMetrics].map(async (port) =>
            (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
          ),
        );
        const exported = new Set(texts.join('\n').match(/^[a-z_][a-z0-9_]*/gm));
        const missing = [...wanted].filter((name) => !exported.has(name) && !afterFailure.has(name));
        if (missing.length) throw new Error(`not exported: ${missing.join(', ')}`);
        return true;
      },
      10_000,
    );
  });

  it('compare outcomes with names that the code knows', () => {
    const known = new Set(['ok', 'succeeded', ...Object.keys(failures), ...deliveryStates, ...bulkItemStates]);
    expect(valuesOf('outcome').length).toBeGreaterThan(3);
    expect(valuesOf('outcome').filter((value) => !known.has(value))).toEqual([]);
  });

  it('are explained in docs/operations.md: every alert, and no other', () => {
    const operations = readFileSync(join(project, 'docs/operations.md'), 'utf8');
    const explained = [...operations.matchAll(/^\| `(Patchbay\w+)`/gm)].map(([, name]) => name);
    expect(new Set(explained)).toEqual(new Set(alerts.map(({ alert }) => alert)));
    for (const { annotations, labels } of alerts) {
      expect(annotations.summary).toBeTruthy();
      expect(['page', 'warn']).toContain(labels.severity);
    }
  });

  it('each has a case in which it fires, and one in which it does not', () => {
    interface Case {
      alertname: string;
      exp_alerts: unknown[];
    }
    const { tests } = parse(readFileSync(join(project, 'test/deploy/alert-cases.yml'), 'utf8')) as {
      tests: { alert_rule_test: Case[] }[];
    };
    const cases = tests.flatMap((one) => one.alert_rule_test);
    const namesOf = (fires: boolean): Set<string> =>
      new Set(cases.filter((one) => one.exp_alerts.length > 0 === fires).map((one) => one.alertname));
    const names = new Set(alerts.map(({ alert }) => alert));
    expect([namesOf(true), namesOf(false)]).toEqual([names, names]);
  });

  const promtool = onPath('promtool', process.env);
  (promtool ? it : it.skip)('are accepted by Prometheus, and fire when they should', () => {
    execFileSync(promtool ?? '', ['check', 'rules', join(project, 'deploy/alerts.yml')], { stdio: 'pipe' });
    execFileSync(promtool ?? '', ['test', 'rules', join(project, 'test/deploy/alert-cases.yml')], { stdio: 'pipe' });
  });
});
