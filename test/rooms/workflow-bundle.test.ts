import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

// Importing rules are oxlint's; this holds what the bundler makes of them to account.

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The names of the modules in the bundle, and of those that were left empty because workflows must not have them. */
let modules: string[];
let emptied: string[];
beforeAll(async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    failureConverterPath: fileURLToPath(new URL('../../temporal/failure-converter.cjs', import.meta.url)),
    logger: quiet,
  });
  // Webpack names each module in a line of its own, as `/***/ "./domain/ids.ts"`.
  modules = [...code.matchAll(/^\/\*{3}\/ "([^"?][^"]*)"/gm)].map(([, name]) => name ?? '');
  emptied = [...code.matchAll(/^ {2}!\*{3} (.+) \(ignored\) \*{3}!$/gm)].map(([, name]) => name ?? '');
});

/** The package that a module comes from; null for files of ours. */
const packageOf = (name: string): string | null => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? null;

it('holds every workflow and procedure', () => {
  for (const file of ['index', 'connection', 'attempt-run', 'sync', 'sweeps', 'erase-person'])
    expect(modules).toContain(`./workflows/${file}.ts`);
});

it('holds of ours only workflows, domain and the failure converter', () => {
  const rooms = /^\.\/(workflows|domain)\/[a-z-]+\.ts$/;
  const others = modules.filter((name) => packageOf(name) === null && !rooms.test(name));
  expect(others).toEqual(['./temporal/failure-converter.cjs']);
});

it('holds no database client, HTTP client, server, log or numbering plan, but what the workflow SDK is made of', () => {
  const packages = new Set(modules.map(packageOf).filter((name) => name !== null));
  expect([...packages].sort()).toEqual(['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc']);
});

it('asks Node for nothing', () => {
  const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  expect(modules.filter((name) => builtins.has(name) || name.startsWith('external '))).toEqual([]);
  // The SDK's own place for a payload converter, which we do not have.
  expect(emptied).toEqual(['__temporal_custom_payload_converter']);
});
