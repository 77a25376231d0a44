import { readFileSync } from 'node:fs';
import { nodeProblem } from '../../dev/parts/node-version.ts';
import { cliVersion } from '../../dev/parts/temporal-cli.ts';

describe('pinned tools', () => {
  const goMod = readFileSync(new URL('../../dev/temporal/go.mod', import.meta.url), 'utf8');

  test('the Temporal CLI is built from one exact version, with the extension module that fits it', () => {
    expect(cliVersion()).toBe('1.8.2');
    // The replacement in the CLI's own go.mod points into its repository, which does not work from outside.
    expect(goMod).toMatch(
      /^replace github\.com\/temporalio\/cli\/cliext => github\.com\/temporalio\/cli\/cliext v0\.0\.0-\d{14}-[0-9a-f]{12}$/m,
    );
  });

  test('every module of that build has its checksum', () => {
    const sums = readFileSync(new URL('../../dev/temporal/go.sum', import.meta.url), 'utf8');
    expect(sums).toContain(`github.com/temporalio/cli v${cliVersion()} h1:`);
  });

  test.each(['v24.16.0', 'v24.16.1', 'v24.21.0'])('Node %s is accepted', (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  test.each(['v20.19.0', 'v24.15.9', 'v25.0.0'])('Node %s is refused in one line', (version) => {
    expect(nodeProblem(version)).toMatch(new RegExp(`^Patchbay needs Node 24.16.0 .* this is ${version}[^\n]*$`));
  });
});
