import { styleText } from 'node:util';

const width = 80;
const margin = '  ';

/**
 * Prints text in 80 columns. A longer line is broken between words and goes on below its own first word. An address has
 * a line of its own, whole, so that a terminal can open it.
 */
export function print(text: string, address?: string): void {
  for (const line of text.split('\n')) for (const part of wrapped(line)) console.log(margin + part);
  if (address) console.log(margin + address);
}

export const printPart = (title: string): void => console.log(`\n${styleText('bold', title)}`);

function wrapped(line: string): string[] {
  const room = width - margin.length;
  if (line.length <= room) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let current = indent;
  for (const word of line.trim().split(/ +/)) {
    const longer = current === indent ? current + word : `${current} ${word}`;
    if (longer.length > room && current !== indent) {
      lines.push(current);
      current = indent + word;
    } else current = longer;
  }
  return [...lines, current];
}
