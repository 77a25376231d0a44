import { builtinModules } from 'node:module';
import { bundleWorkflows, workflowCode } from '../../workers/workflow-bundle.ts';

// oxlint checks imports; this checks the bundle.

/** Modules of the bundle, and modules that were left empty because workflows must not have them. */
let modules: string[];
let emptied: string[];
beforeAll(async () => {
  const { code } = await bundleWorkflows();
  // Webpack names each module in a line of its own, as `/***/ "./domain/ids.ts"`.
  modules = [...code.matchAll(/^\/\*{3}\/ "([^"?][^"]*)"/gm)].map(([, name]) => name ?? '');
  emptied = [...code.matchAll(/^ {2}!\*{3} (.+) \(ignored\) \*{3}!$/gm)].map(([, name]) => name ?? '');
});

/** Null for files of ours. */
const packageOf = (name: string): string | null => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? null;

it('holds every workflow and procedure', () => {
  for (const file of ['index', 'connection', 'attempt-run', 'sync', 'sweeps', 'erase-person'])
    expect(modules).toContain(`./workflows/${file}.ts`);
});

it('holds only workflows, domain and the failure converter of ours', () => {
  const rooms = /^\.\/(workflows|domain)\/[a-z-]+\.ts$/;
  const others = modules.filter((name) => packageOf(name) === null && !rooms.test(name));
  expect(others).toEqual(['./temporal/failure-converter.cjs']);
});

it('holds no database client, HTTP client, server, log or numbering plan; only modules of the workflow SDK', () => {
  const packages = new Set(modules.map(packageOf).filter((name) => name !== null));
  expect([...packages].sort()).toEqual(['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc']);
});

it('imports nothing of Node', () => {
  const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  expect(modules.filter((name) => builtins.has(name) || name.startsWith('external '))).toEqual([]);
  // The SDK's place for a payload converter, which we do not have.
  expect(emptied).toEqual(['__temporal_custom_payload_converter']);
});

it('is read from the file of WORKFLOW_BUNDLE; one clear line where it cannot be read', () => {
  expect(() => workflowCode({ WORKFLOW_BUNDLE: '/nowhere.js' })).toThrow(/^WORKFLOW_BUNDLE is wrong: .*nowhere/);
});
