import { Option } from 'commander';
import { UsageError } from './usage.ts';

/** An option that takes a time such as 2026-01-31T12:00:00Z. */
export const momentOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string): Date => {
    const parsed = new Date(text);
    if (Number.isNaN(parsed.getTime()))
      throw new UsageError(`${flags.split(' ')[0]}: ${text} is no time such as 2026-01-31T12:00:00Z`);
    return parsed;
  });
