import { Option } from 'commander';
import { readCursor } from '../platform/cursor.ts';
import { isId } from '../platform/ids.ts';
import { UsageError } from './usage.ts';

/** `--limit`: how many lines a list has at most. */
export const limitOption = (): Option => new Option('--limit <n>', 'at most so many').default(100).argParser(count);

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw new UsageError('--limit takes a number from 1 to 10000');
  return number;
}

/** `--cursor`: where a list goes on. */
export const cursorOption = (): Option =>
  new Option('--cursor <cursor>', "the API's next_cursor, or the id of the last line of the page before").argParser(
    (text: string): string => {
      const id = isId(text) ? text : readCursor(text);
      if (id === null) throw new UsageError(`${text} is no cursor and no id`);
      return id;
    },
  );
