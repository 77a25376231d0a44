import { readFileSync } from 'node:fs';

/** From package.json: `>=24.16.0 <25`. */
function supportedRange(): { least: number[]; below: number } {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const [, least, below] = /^>=(\d+\.\d+\.\d+) <(\d+)$/.exec(manifest.engines.node) ?? [];
  if (!least || !below) throw new Error(`engines.node of package.json cannot be parsed: ${manifest.engines.node}`);
  return { least: least.split('.').map(Number), below: Number(below) };
}

/** One line about an unsupported version like `v23.1.0`; null for a supported one. */
export function nodeProblem(version: string): string | null {
  const { least, below } = supportedRange();
  const have = version.slice(1).split('.').map(Number);
  const order = have.findIndex((part, i) => part !== least[i]);
  const enough = order === -1 || (have[order] ?? 0) > (least[order] ?? 0);
  if (enough && (have[0] ?? 0) < below) return null;
  return `Patchbay needs Node ${least.join('.')} or a later ${least[0]}.x, this is ${version}: start it with npm, which has the right one, or install Node ${least[0]}`;
}

export function requireNode(): void {
  const problem = nodeProblem(process.version);
  if (problem === null) return;
  process.stderr.write(`patchbay: ${problem}\n`);
  process.exit(1);
}
