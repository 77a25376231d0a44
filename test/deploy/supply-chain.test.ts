import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCompose } from './compose-file.ts';
import { project } from './role-process.ts';

const read = (path: string): string => readFileSync(join(project, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'optionalDependencies',
  Record<string, string>
> & { allowScripts: Record<string, boolean> };
const lock = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { version?: string; integrity?: string; link?: boolean; hasInstallScript?: boolean }>;
};
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('SECURITY 22: supply chain', () => {
  it('every install script in the lock is allowed or denied in package.json', () => {
    const scripted = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(scripted.length).toBeGreaterThan(0);
    const undecided = scripted
      .map(([path]) => nameOf(path))
      .filter((name) => !Object.hasOwn(manifest.allowScripts, name));
    expect(undecided).toEqual([]);
  });

  it('every version of ours is exact', () => {
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
    expect(Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('every package in the lock has a checksum', () => {
    const bare = Object.entries(lock.packages).filter(([path, one]) => path !== '' && one.version && !one.integrity);
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  it.each(['dev/temporal', 'dev/temporal-server'])('every Go module of %s has its checksum', (folder) => {
    const required = [...read(`${folder}/go.mod`).matchAll(/^\s*(?:require )?([\w./~-]+\.[\w./~-]+) (v\S+)/gm)];
    expect(required.length).toBeGreaterThan(50);
    const replaced = new Set([...read(`${folder}/go.mod`).matchAll(/^replace (\S+) =>/gm)].map(([, module]) => module));
    const sums = read(`${folder}/go.sum`);
    const bare = required.filter(
      ([, module, version]) => !replaced.has(module) && !sums.includes(`${module} ${version}`),
    );
    expect(bare.map(([, module]) => module)).toEqual([]);
  });

  it('every jar of the time-skipping server is verified by its checksum', () => {
    const pom = read('dev/temporal-test-server/pom.xml');
    const versions = [...pom.matchAll(/<version>([^<]+)<\/version>/g)].map(([, version = '']) => version);
    expect(versions.filter((version) => !/^\d+(\.\d+)*$/.test(version))).toEqual([]);
    const sums = read('dev/temporal-test-server/checksums.txt').trim().split('\n');
    expect(sums.filter((line) => !/^[0-9a-f]{64} {2}[\w.-]+\.jar$/.test(line))).toEqual([]);
    expect(sums.some((line) => line.endsWith(`  temporal-test-server-${versions[1]}.jar`))).toBe(true);
    expect(read('dev/parts/test-parts.ts')).toContain('checksums.txt');
  });

  it('every image has an exact tag', () => {
    const images = [
      ...Object.values(readCompose()).map(({ image }) => image),
      ...[...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image),
    ];
    expect(images.filter((image) => !/:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$/.test(image))).toEqual([]);
  });

  it("continuous integration never uses the Temporal SDK's own download, which has no checksum", () => {
    expect(read('.ci/run')).toMatch(/^export CI=true$/m);
    expect(read('dev/parts/temporal-cli.ts')).toMatch(/env\.CI\b/);
  });

  it('no test makes the SDK download a server', () => {
    const files = readdirSync(join(project, 'test'), { recursive: true, encoding: 'utf8' }).filter((one) =>
      one.endsWith('.ts'),
    );
    const asking = files.filter(
      (file) => /createLocal\(|cached-download/.test(read(`test/${file}`)) && !file.includes('supply-chain'),
    );
    expect(asking).toEqual([]);
  });
});
