import { Option } from 'commander';
import { UsageError } from './usage.ts';

/** `--limit`: how many lines a list has at most. */
export const limitOption = (): Option => new Option('--limit <n>', 'at most so many').default(100).argParser(count);

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw new UsageError('--limit takes a number from 1 to 10000');
  return number;
}
