import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { createDataConverter } from '../../platform/codec.ts';
import { createVault, parseKeyRing } from '../../platform/vault.ts';
import { testKey } from '../support/key.ts';

/** Bundled as a worker bundles it. */
let modules: string[];
beforeAll(async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    failureConverterPath: createDataConverter(createVault(parseKeyRing(testKey))).failureConverterPath,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  // Webpack writes each module under its name, as `/***/ "./domain/ids.ts":`.
  modules = [...code.matchAll(/^\/\*{3}\/ "([^"]+)":$/gm)].map(([, name]) => name ?? '');
});

/** The package that a module comes from; null for files of ours. */
const packageOf = (name: string): string | null => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? null;

it('holds every workflow and procedure', () => {
  for (const file of ['index', 'connection', 'connect', 'reconnect', 'disconnect', 'sync-details'])
    expect(modules).toContain(`./workflows/${file}.ts`);
});

it('holds of ours only workflows, domain and the failure converter', () => {
  const others = modules.filter(
    (name) => packageOf(name) === null && /^\.\/|^\//.test(name) && !/^\.\/(workflows|domain)\/[a-z-]+\.(ts|cjs)$/.test(name),
  );
  expect(others).toEqual(['./platform/failure-converter.cjs']);
});

it('holds of other packages only what the workflow SDK is made of', () => {
  const packages = new Set(modules.map(packageOf).filter((name) => name !== null));
  console.log([...packages]);
  for (const name of packages) expect(name).toMatch(/^(@temporalio\/(workflow|common|proto|worker)|long|ms|protobufjs|@protobufjs\/.+|nexus-rpc|unionfs)$/);
});

it.each(['@mikro-orm', 'kysely', 'pg', 'axios', 'express', 'pino', 'prom-client', 'zod', 'libphonenumber-js'])(
  'holds no %s',
  (name) => expect(modules.filter((module) => packageOf(module)?.split('/')[0] === name)).toEqual([]),
);

it('asks Node for nothing', () => {
  console.log(modules.filter((m)=>!/^\.\//.test(m)));
  const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  expect(modules.filter((name) => builtins.has(name) || name.startsWith('external '))).toEqual([]);
});
