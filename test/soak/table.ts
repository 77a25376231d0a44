import type { Row } from './assertions.ts';

const widths = { what: 48, expected: 28 };

/** The assertions' results as a table. */
export function drawTable(rows: Row[]): string {
  const line = (mark: string, what: string, expected: string, found: string): string =>
    `${mark.padEnd(6)} ${what.padEnd(widths.what)} ${expected.padEnd(widths.expected)} ${found}`;
  return [
    line('', 'what', 'expected', 'found'),
    ...rows.map(({ ok, what, expected, found }) => line(ok ? 'ok' : 'FAILED', what, expected, found)),
  ].join('\n');
}
