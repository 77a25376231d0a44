import { Problem } from '../../services/problem.ts';

/** Levels that a body may be nested; what is sent on or stored is walked by recursion elsewhere. */
const deepest = 50;

/**
 * 422 for text that PostgreSQL cannot store, wherever it is in `value`: NUL characters and halves of surrogate pairs.
 * Also for a value that is nested too deep.
 */
export function checkText(path: string, value: unknown, depth = 0): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw new Problem('invalid_request', `${path}: must hold neither NUL nor half a surrogate pair.`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth === deepest) throw new Problem('invalid_request', `body: nested deeper than ${deepest} levels.`);
  for (const [key, inner] of Object.entries(value)) {
    checkText(`${path}, a name`, key);
    checkText(`${path}.${key}`, inner, depth + 1);
  }
}
