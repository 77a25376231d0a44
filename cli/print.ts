type Cell = string | number | boolean | null | undefined;

/** Lines for people: columns aligned, in the order of the first row's keys; `none` where there are no rows. */
export function table(rows: readonly Record<string, Cell>[], none = 'nothing'): string {
  const [head] = rows;
  if (!head) return none;
  const names = Object.keys(head);
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))];
  const widths = names.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Prints an answer: JSON on one line for machines, else the text made of it. */
export function print<T>(answer: T, options: { json?: boolean }, text: (answer: T) => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(answer) : text(answer)}\n`);
}
