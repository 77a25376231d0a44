import type { z } from 'zod';
import { Problem, type FieldError } from '../../services/problem.ts';
import { unknownName } from './nearest-name.ts';
import { unknownFields } from './schemas.ts';

/** JSON types in our words. */
const types: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

const formats: Record<string, string> = {
  url: 'an address that begins with http:// or https://',
  datetime: 'a time such as 2026-01-31T12:00:00Z',
  date: 'a date such as 2026-01-31',
};

/** Words for what is counted in a value. */
const units: Record<string, string> = { string: ' characters', array: ' entries', set: ' entries' };

/** What is wrong with a value, as the rest of a sentence about its field. The value itself is never repeated. */
function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing.';
      return `must be ${types[issue.expected] ?? issue.expected}.`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `must be at least ${issue.minimum}${units[issue.origin] ?? ''}.`;
    case 'too_big':
      return `must be at most ${issue.maximum}${units[issue.origin] ?? ''}.`;
    case 'invalid_format':
      return `must be ${formats[issue.format] ?? `a text of the form ${issue.format}`}.`;
    case 'invalid_union': {
      // What each form would have wanted, said once.
      const wants = issue.errors.flatMap(([first]) => (first ? [messageOf(first).replace(/^must be |\.$/g, '')] : []));
      return wants.length ? `must be ${[...new Set(wants)].join(', or ')}.` : 'is of no form that is known.';
    }
    default:
      return issue.message;
  }
}

/** Faults of one input that are named. */
const mostErrors = 50;

/** Validates by a schema. 422 names the first wrong or unknown fields by their paths, never by their values. */
export function parse(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value, { reportInput: true });
  const unknown = unknownFields(schema, value);
  if (parsed.success && !unknown.length) return parsed.data;
  const wrong = (parsed.error?.issues ?? []).filter(({ code }) => code !== 'unrecognized_keys');
  const errors = wrong
    .slice(0, mostErrors)
    .map((issue) => ({ field: issue.path.join('.') || 'body', message: messageOf(issue) }));
  const unknownErrors = unknown.slice(0, mostErrors - errors.length).map(({ path, known }) => ({
    field: path.join('.'),
    message: unknownName(path.at(-1) ?? '', known),
  }));
  throw invalid([...errors, ...unknownErrors]);
}

/** 422 for fields of the input. */
export const invalid = (
  errors: readonly FieldError[],
  code: 'invalid_request' | 'invalid_settings' = 'invalid_request',
) => new Problem(code, errors.map(({ field, message }) => `${field}: ${message}`).join(' '), { errors });
