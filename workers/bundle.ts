import { writeFileSync } from 'node:fs';
import { bundleWorkflows } from './workflow-bundle.ts';

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: node workers/bundle.ts FILE\n');
  process.exit(2);
}
writeFileSync(file, (await bundleWorkflows()).code);
