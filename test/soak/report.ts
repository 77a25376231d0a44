import type { Row } from './assertions.ts';
import type { SoakResult } from './soak.ts';

const widths = { what: 48, expected: 28 };

export function drawTable(rows: Row[]): string {
  const line = (mark: string, what: string, expected: string, found: string): string =>
    `${mark.padEnd(6)} ${what.padEnd(widths.what)} ${expected.padEnd(widths.expected)} ${found}`;
  return [
    line('', 'what', 'expected', 'found'),
    ...rows.map(({ ok, what, expected, found }) => line(ok ? 'ok' : 'FAILED', what, expected, found)),
  ].join('\n');
}

export function summaryOf({ scenarios, outages, dropped, messages, tookMs, calls }: SoakResult): string[] {
  const requested = scenarios.reduce((sum, { requested: n }) => sum + n, 0);
  const cancelled = scenarios.reduce((sum, { cancelled: n }) => sum + n, 0);
  const kills = ['api', 'worker', 'temporal', 'postgres'].map(
    (part) => `${part} ${outages.filter((one) => one.part === part).length}`,
  );
  const drops = Object.entries(dropped).map(([status, n]) => `${n} ${status}`);
  const asked = Object.values(calls).reduce((sum, n) => sum + n, 0);
  return [
    `${scenarios.length} accounts, ${requested} operations, ${cancelled} of them cancelled, in ${Math.round(tookMs / 1_000)} s`,
    `killed with SIGKILL: ${kills.join(', ')}`,
    `accounts dropped by the provider: ${drops.join(', ') || 'none'}; messages received: ${messages}`,
    `calls to the provider: ${asked}, three in ten failed; webhooks were dropped, duplicated and reordered`,
  ];
}
